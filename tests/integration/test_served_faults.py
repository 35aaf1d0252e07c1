"""Faults of a served run, in real processes: a server that ends in the window, and an interrupt."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llenergymeasure import StudyResult
from waiting import until

pytestmark = pytest.mark.slow
SERVER = Path(__file__).parents[1] / "openai_server.py"
MARK = "LLEM_TEST_OF_FAULTS"


def running(mark):
    """The processes of a run, by a variable in their environment."""

    def belongs(pid):
        try:
            return f"{MARK}={mark}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False

    return [pid for pid in [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()] if belongs(pid)]


def until_it_measures(process, mark):
    """Wait until llem, the guard and the server run, and three seconds more, so that requests are in flight."""
    assert until(lambda: process.poll() is not None or len(running(mark)) >= 3, 120)
    time.sleep(3)
    assert process.poll() is None, process.communicate()


@pytest.fixture
def start(tmp_path):
    """Start `llem run` on a server that it starts; afterwards none of its processes is left."""
    started = []

    def run(*settings, arguments=(), options=()):
        launch = [sys.executable, str(SERVER), "--port", "'{port}'", *map(str, arguments)]
        given = (
            "energy.backend=null", "baseline.enabled=false", "warmup.thermal_floor_seconds=0", "max_output_tokens=16",
            f"server.launch=[{', '.join(launch)}]", *settings,
        )  # fmt: skip
        command = [
            sys.executable,
            "-m",
            "llenergymeasure",
            "run",
            *options,
            "--model",
            "nothing",
            "--backend",
            "server",
        ]
        process = subprocess.Popen(
            [*command, *(part for one in given for part in ("--set", one))], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, MARK: str(tmp_path)},
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
    assert until(lambda: running(tmp_path) == []), running(tmp_path)


@pytest.mark.parametrize("traffic", [("traffic.concurrency=4",), ("traffic.mode=poisson", "traffic.rate=50")])
def test_a_server_that_dies_in_the_window_is_an_error_with_its_last_lines(start, tmp_path, traffic):
    process = start("n=1000", *traffic, arguments=("--answers", 40))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert " answers from http://" in errors
    assert re.search(r"\b(refused|reset|closed_early): \d", errors)
    assert "the server ended with exit code 3; its last lines:\n  out of memory" in errors
    assert "Traceback" not in errors
    assert not list(tmp_path.glob("results/*/result.json"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_under_load_ends_the_run_and_its_server(start, tmp_path, number):
    process = start("n=1000", "traffic.concurrency=4")
    until_it_measures(process, tmp_path)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert until(lambda: running(tmp_path) == [])


def test_a_killed_run_leaves_no_server(start, tmp_path):
    process = start("n=1000", "traffic.concurrency=4")
    until_it_measures(process, tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=120)
    assert until(lambda: running(tmp_path) == [])


def test_an_overloaded_point_of_a_study_does_not_keep_the_limits(start, tmp_path):
    """With eight connections the server refuses every request, so that no run of this cell has a result."""
    (tmp_path / "study.yaml").write_text(
        "sweep: {traffic.concurrency: [1, 8]}\nslo: {ttft_p99_ms: 5000}\nn: 8\nname: overload\n", encoding="utf-8"
    )
    options = ("study.yaml", "--cycles", "2", "--no-gaps")
    process = start(options=options, arguments=("--most", 6))
    text, errors = process.communicate(timeout=240)
    assert process.returncode == 1, errors
    (folder,) = (tmp_path / "results").iterdir()
    study = StudyResult.from_dir(folder)
    assert {run.failure.kind for run in study.failed if run.failure is not None} == {"unanswered"}
    (curve,) = study.curves
    kept, overloaded = curve.points
    assert (kept.keeps, kept.completed_runs) == (True, 2)
    assert (overloaded.keeps, overloaded.certain, overloaded.unanswered_runs) == (False, True, 2)
    assert overloaded.means["goodput"].value == 0
    assert (curve.best, curve.highest) == (kept.cell, kept.cell)
    assert "At a concurrency of 8 (2 of 2 runs) the server answered too few requests for a result" in " ".join(
        text.split()
    )
