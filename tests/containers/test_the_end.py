"""However a run ends, no container remains, and no token can be seen while it runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from llenergymeasure._files import remove_stale
from tiny import TINY
from waiting import until

pytestmark = [pytest.mark.torch, pytest.mark.slow]
TOKEN, PASSWORD = f"hf_{uuid4().hex}", f"pr0xy-{uuid4().hex}"  # other runs of these tests have others
PLAIN = {**TINY, "energy": {"backend": "null"}, "pytorch": {"device": "cpu", "load_format": "dummy"}}
FOR_EVER = """
import json, sys
from llenergymeasure import ExperimentConfig, _plugin_api
with _plugin_api.open_experiment(ExperimentConfig(**json.loads(sys.argv[1])), fresh=True) as experiment:
    while True:
        experiment.measure()
        print("measured", flush=True)
"""
LONGEST_S = 60.0


@pytest.fixture
def running(user, image, tmp_path):
    """A process that measures in a container, again and again."""
    environ = user({"pytorch": "docker:localhost/llem:pytorch"})
    environ |= {"HF_TOKEN": TOKEN, "HTTPS_PROXY": f"http://me:{PASSWORD}@proxy.example.org:3128"}
    process = subprocess.Popen(
        [sys.executable, "-c", FOR_EVER, json.dumps(PLAIN)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if process.stdout.readline() != "measured\n":
        raise AssertionError(process.communicate()[1])
    yield process
    process.kill()
    process.communicate()


def environ_of(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def text_of(path):
    """The text of a file; nothing of one that the run has replaced in the meantime."""
    try:
        return path.read_text()
    except OSError:
        return ""


def nothing_remains_for_the_next_run(place):
    """A process in a container can only empty its folder; the next start removes the folder itself."""
    remove_stale(place)
    return list(place.glob("llem-launch-*")) == []


def test_no_token_is_seen_and_a_killed_parent_leaves_no_container(running, podman, tmp_path):
    (name,) = podman.containers()
    (folder,) = (tmp_path / "tmp").glob("llem-launch-*")
    assert name.startswith(folder.name)
    commands = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert name in commands
    others = [path.name for path in Path("/proc").iterdir() if path.name.isdecimal() and int(path.name) != running.pid]
    texts = {
        "ps": commands,
        "inspect": podman.ask("inspect", name),
        "logs": podman.ask("logs", name),
        "the files of the run": "".join(text_of(path) for path in folder.iterdir() if path.is_file()),
        "the variables of processes": "".join(map(environ_of, others)),
    }
    for secret in (TOKEN, PASSWORD):
        assert [where for where, text in texts.items() if secret in text] == []
        assert secret in environ_of(running.pid)

    running.kill()
    assert until(lambda: podman.containers() == [], LONGEST_S)
    assert nothing_remains_for_the_next_run(tmp_path / "tmp")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_container_soon(running, podman, tmp_path, number):
    start_s = time.monotonic()
    running.send_signal(number)
    running.communicate(timeout=60)
    assert until(lambda: podman.containers() == [], LONGEST_S - (time.monotonic() - start_s))
    assert nothing_remains_for_the_next_run(tmp_path / "tmp")
