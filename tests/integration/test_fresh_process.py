"""An experiment in its own process: the end of either process, and the report of a failure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.exceptions import ExperimentError, PreFlightError
from llenergymeasure.launch.isolated import opened_isolated
from llenergymeasure.orchestration.orchestrator import Session
from tiny import TINY
from waiting import until

pytestmark = [pytest.mark.torch, pytest.mark.slow]
pytest.importorskip("torch")

PLAIN = {**TINY, "energy": {"backend": "null"}, "pytorch": {"device": "cpu", "load_format": "dummy"}}
FOR_EVER = """
import json, sys
from llenergymeasure import ExperimentConfig, _plugin_api
with _plugin_api.open_experiment(ExperimentConfig(**json.loads(sys.argv[1])), fresh=True) as experiment:
    while True:
        experiment.measure()
        print("measured", flush=True)
"""


@pytest.fixture
def running(tmp_path):
    """A process that measures in another one, again and again."""
    process = subprocess.Popen(
        [sys.executable, "-c", FOR_EVER, json.dumps(PLAIN)],
        env={**os.environ, "TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "measured\n"
    yield process
    process.kill()
    process.communicate()


def child_of(tmp_path):
    (beat,) = tmp_path.glob("llem-launch-*/rank-00000.alive")
    return int(beat.read_text())


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def nothing_is_left(tmp_path, pid):
    return until(lambda: is_gone(pid) and not list(tmp_path.glob("llem-launch-*")))


def test_it_ends_with_its_owner_and_removes_the_folder(running, tmp_path):
    pid = child_of(tmp_path)
    running.kill()
    assert nothing_is_left(tmp_path, pid)


def test_its_end_is_reported_and_no_process_or_file_remains(running, tmp_path):
    pid = child_of(tmp_path)
    os.kill(pid, 9)
    _, said = running.communicate(timeout=60)
    # By the system, where that has ended any process for its memory in the meantime.
    how = "the process of the experiment exited without a result (exit code 137; killed by a signal)"
    assert how in said or how.replace("a signal", "the system, out of memory") in said
    assert nothing_is_left(tmp_path, pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_soon(running, tmp_path, number):
    pid = child_of(tmp_path)
    start_s = time.monotonic()
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode != 0
    assert nothing_is_left(tmp_path, pid)
    assert time.monotonic() - start_s < 20  # under a second on a quiet machine; others run tests beside this one


def test_a_finding_of_the_other_process_is_a_finding_here():
    config = ExperimentConfig(**{**PLAIN, "dataset": "nowhere.jsonl"})
    with pytest.raises(ExperimentError) as caught, opened_isolated(config, Session()):
        pass
    assert isinstance(caught.value.cause, PreFlightError)
    assert "nowhere.jsonl" in caught.value.cause.findings[0].problem
