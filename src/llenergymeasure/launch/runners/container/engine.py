"""The container engine: docker or podman. Finds one that answers, and runs its commands.

The commands get only the variables that they need: the environment of a process can be read by others, and tokens are passed to a
container in another way (`launch.exchange.environ_file`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from llenergymeasure._json import read_json
from llenergymeasure.core.machine.last_lines import last_lines_in, reason_in
from llenergymeasure.exceptions import BackendError, Finding
from llenergymeasure.launch.runners.completed import completed

EngineName = Literal["docker", "podman"]
EngineChoice = Literal["auto", "docker", "podman"]
ENGINES: tuple[EngineName, ...] = ("docker", "podman")
# An engine that starts its machine, or reads a large store, takes seconds.
LIMIT_S = 120.0
NO_PROGRAM = 127

_NEEDED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TMPDIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "CONTAINER_HOST",
    "CONTAINER_SSHKEY",
)
_NEEDED_PREFIXES = (
    "LC_", "XDG_", "CONTAINERS_", "STORAGE_", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS",
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """How a command of an engine ended.

    Attributes:
        code: its exit code.
        output: what it wrote to stdout.
        reason: the line of its output that says why it failed.
    """

    code: int
    output: str
    reason: str


@dataclass(frozen=True)
class Program:
    """The program of an engine.

    Attributes:
        path: the program.
        environ: its environment, as pairs.
    """

    path: str
    environ: tuple[tuple[str, str], ...]

    def ask(self, *arguments: str, limit_s: float = LIMIT_S) -> Said:
        """Run a command. A program that cannot be started, or takes too long, has failed."""
        try:
            done = completed((self.path, *arguments), dict(self.environ), limit_s)
        except OSError as error:
            return Said(NO_PROGRAM, "", str(error.strerror))
        except subprocess.TimeoutExpired:
            return Said(NO_PROGRAM, "", f"it did not answer within {limit_s:g} s")
        reason = reason_in(last_lines_in(done.stderr) or last_lines_in(done.stdout))
        return Said(done.returncode, done.stdout.decode("utf-8", "replace"), reason)


@dataclass(frozen=True)
class Engine:
    """A container engine that answers.

    Attributes:
        name: docker or podman; the program `docker` may be podman.
        version: its version.
        rootless: whether the root user of its containers is the user who started it.
        program: its program.
    """

    name: EngineName
    version: str
    rootless: bool
    program: Program


@dataclass(frozen=True)
class Image:
    """An image of this machine.

    Attributes:
        id: its id; a container that is started from it has exactly this content.
        digest: its digest in a registry; None for an image that was built or imported here.
    """

    id: str
    digest: str | None


def needed_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that the program of an engine needs."""
    return {name: value for name, value in environ.items() if name in _NEEDED or name.startswith(_NEEDED_PREFIXES)}


def find_engine(choice: EngineChoice, environ: Mapping[str, str]) -> Engine | Finding:
    """The engine to use, or why there is none.

    Args:
        choice: the engine; auto = docker where it answers, else podman.
        environ: the environment of this process.
    """
    names = ENGINES if choice == "auto" else (choice,)
    programs = tuple(_programs(names, environ))
    if not programs:
        return Finding(
            f"a container engine is needed, and there is no program {' or '.join(names)}",
            "install Docker or podman (Debian and Ubuntu: sudo apt-get install podman)",
        )
    answers = [engine_of(program) for program in programs]
    for answer in answers:
        if isinstance(answer, Engine):
            return answer
    return _unusable(programs, answers)


def _programs(names: tuple[EngineName, ...], environ: Mapping[str, str]) -> Iterator[Program]:
    variables = tuple(sorted(needed_variables(environ).items()))
    for name in names:
        path = shutil.which(name, path=environ.get("PATH", os.defpath))
        if path is not None:
            yield Program(path, variables)


def _unusable(programs: tuple[Program, ...], answers: list[Engine | str]) -> Finding:
    reasons = "; ".join(f"{program.path}: {answer}" for program, answer in zip(programs, answers))
    return Finding(
        f"no container engine answers ({reasons})",
        "start Docker (sudo systemctl start docker), let your user use it (sudo usermod -aG docker $USER, then log in again), or "
        "install podman",
    )


def engine_of(program: Program) -> Engine | str:
    """The engine of a program; why it does not answer, as text."""
    try:
        return _known_engine(program)
    except BackendError as error:
        return str(error)


def forget_engines() -> None:
    """Ask the engines again: one that answered may have been stopped."""
    _known_engine.cache_clear()


@cache
def _known_engine(program: Program) -> Engine:
    """As `engine_of`. An engine that answered is not asked again; one that did not is, as it may have been started.

    Raises:
        BackendError: it does not answer.
    """
    said = program.ask("info", "--format", "{{json .}}")
    facts = _object(said.output)
    refused = facts.get("ServerErrors") or []
    if refused or not facts or said.code:
        raise BackendError(str(refused[0]) if refused else said.reason)
    return _engine_from(facts, program)


def _engine_from(facts: Mapping[str, Any], program: Program) -> Engine:
    """An engine from what its `info` says: podman describes its host, docker its server."""
    if "host" in facts:
        rootless = bool(facts["host"].get("security", {}).get("rootless"))
        return Engine("podman", str(facts.get("version", {}).get("Version", "")), rootless, program)
    rootless = "name=rootless" in (facts.get("SecurityOptions") or [])
    return Engine("docker", str(facts.get("ServerVersion", "")), rootless, program)


def image_of(engine: Engine, reference: str) -> Image | None:
    """An image of this machine; None where there is none of this name."""
    said = engine.program.ask("image", "inspect", reference)
    facts = _object(said.output)
    if said.code or "Id" not in facts:
        return None
    return Image(str(facts["Id"]), next(iter(facts.get("RepoDigests") or []), None))


def _object(text: str) -> dict[str, Any]:
    """The object of an answer, or the first one of a list; empty when there is none."""
    try:
        found = read_json(text)
    except ValueError:
        return {}
    first = found[0] if isinstance(found, list) and found else found
    return first if isinstance(first, dict) else {}
