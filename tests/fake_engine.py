"""A container engine for tests: a program that records its arguments and answers as docker or podman would.

`run` has no container: it starts the program of the container on this machine, with the folder that is mounted at /run/llem, and
with none of the variables of its caller.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

DOCKER = {"ServerVersion": "28.2.2", "SecurityOptions": ["name=seccomp,profile=builtin"]}
ROOTLESS_DOCKER = {"ServerVersion": "28.2.2", "SecurityOptions": ["name=seccomp", "name=rootless"]}
PODMAN = {"host": {"security": {"rootless": False}}, "version": {"Version": "4.3.1"}}
ROOTLESS_PODMAN = {"host": {"security": {"rootless": True}}, "version": {"Version": "4.3.1"}}
IMAGE = {"Id": "sha256:aaaa", "RepoDigests": ["registry.example.org/llem@sha256:dddd"]}

_PROGRAM = """#!{python} -SE
import json, os, sys
place = {place!r}
with open(place + "/answers.json") as file:
    answers = json.load(file)
arguments = sys.argv[1:]
with open(place + "/calls.jsonl", "a") as log:
    log.write(json.dumps([arguments, dict(os.environ)]) + "\\n")

def fail(code, text):
    sys.stderr.write(text + "\\n")
    sys.exit(code)

def run():
    if answers["refuses"] and any(answers["refuses"] in each for each in arguments):
        fail(125, "the engine refuses " + answers["refuses"])
    if answers["exit_code"]:
        fail(answers["exit_code"], "the program cannot be started")
    mounted = {{}}
    for option, value in zip(arguments, arguments[1:]):
        if option == "--mount":
            parts = dict(part.split("=", 1) for part in value.split(",") if "=" in part)
            mounted[parts["target"]] = parts["source"]
    folder = mounted.get("/run/llem", "")
    start = arguments.index("--entrypoint")
    program = [each.replace("/run/llem", folder) for each in arguments[start + 3:]]
    environ = {{"PATH": os.defpath, "PYTHONPATH": answers["pythonpath"], "OMP_NUM_THREADS": "1"}}
    if "--workdir" in arguments:
        os.chdir(arguments[arguments.index("--workdir") + 1].replace("/run/llem", folder))
    if answers["replies"]:
        with open(place + "/calls.jsonl") as log:
            number = sum(json.loads(line)[0][0] == "run" for line in log)
        print(json.dumps(answers["replies"][min(number, len(answers["replies"])) - 1]))
        sys.exit(0)
    os.execve({python!r}, [{python!r}, *program], environ)

if arguments[0] == "info":
    if answers["info"] is None:
        fail(1, "Cannot connect to the engine")
    print(json.dumps(answers["info"]))
elif arguments[:2] == ["image", "inspect"]:
    found = answers["images"].get(arguments[-1])
    if found is None:
        fail(1, "no such image")
    print(json.dumps([found]))
elif arguments[0] == "ps":
    print("\\n".join(answers["containers"]))
elif arguments[0] == "run":
    run()
"""


class FakeEngine:
    """An engine whose program is in a folder of its own.

    Args:
        place: an empty folder.
        name: name of the program.
        info: what `info` answers; None = the engine does not answer.
        images: what `image inspect` answers, by name.
        containers: the names that `ps` lists.
        refuses: `run` fails as an engine does if an argument contains this text.
        exit_code: the exit code of `run`, instead of that of its program.
        replies: what each `run` prints, instead of running the program; the last one again and again.
    """

    def __init__(
        self,
        place: Path,
        name: str = "docker",
        *,
        info=DOCKER,
        images=None,
        containers=(),
        refuses="",
        exit_code=0,
        replies=(),
    ) -> None:
        place.mkdir(exist_ok=True)
        self.place, self.program = place, place / name
        answers = {
            "info": info, "images": {"llem:test": IMAGE} if images is None else images, "containers": list(containers),
            "refuses": refuses, "exit_code": exit_code, "replies": list(replies),
            "pythonpath": os.pathsep.join(filter(None, sys.path)),
        }  # fmt: skip
        (place / "answers.json").write_text(json.dumps(answers))
        self.program.write_text(_PROGRAM.format(python=sys.executable, place=str(place)))
        self.program.chmod(0o755)

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call."""
        return [arguments for arguments, _ in self._recorded]

    @property
    def runs(self) -> list[list[str]]:
        """The arguments of each `run`."""
        return [call for call in self.calls if call[0] == "run"]

    @property
    def environs(self) -> list[dict[str, str]]:
        """The variables of each call."""
        return [environ for _, environ in self._recorded]

    @property
    def _recorded(self) -> list[tuple[list[str], dict[str, str]]]:
        log = self.place / "calls.jsonl"
        return [tuple(json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []
