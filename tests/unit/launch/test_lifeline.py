"""The thread that ends a process when its owner has ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from waiting import NO_PROCESS, until

# Returns as soon as its folder is gone, as the main thread of a child does after its next look at the request.
LEAVES_AT_ONCE = """
import sys, time
from pathlib import Path
from llenergymeasure.launch.lifeline import start_lifeline
folder = Path(sys.argv[1])
lifeline = start_lifeline(folder, 0, int(sys.argv[2]), lambda: None)
while folder.exists():
    time.sleep(0.001)
lifeline.wait_if_ending()
"""
MANY = 3000
WORKS_ON = """
import os, sys, time
from pathlib import Path
from llenergymeasure.launch.lifeline import BEAT_S, start_lifeline
start_lifeline(Path(sys.argv[1]), 0, os.getppid(), lambda: print("gave up", flush=True))
print(BEAT_S, flush=True)
time.sleep(3 * BEAT_S)
os._exit(0)
"""


def test_the_folder_is_removed_whole_although_the_main_thread_returns_first(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for number in range(MANY):
        (folder / str(number)).touch()

    subprocess.run([sys.executable, "-c", LEAVES_AT_ONCE, folder, str(NO_PROCESS)], timeout=60, check=False)

    assert until(lambda: not any(tmp_path.iterdir()), 2.0)


def test_a_folder_that_cannot_be_renamed_such_as_a_mount_is_emptied(tmp_path):
    folder = tmp_path / "run"
    (folder / "results" / "deep").mkdir(parents=True)
    (folder / "log").touch()
    (tmp_path / "run.gone" / "in the way").mkdir(parents=True)

    subprocess.run([sys.executable, "-c", LEAVES_AT_ONCE, folder, str(NO_PROCESS)], timeout=60, check=False)

    assert until(lambda: not any(folder.iterdir()), 2.0)


@pytest.mark.slow
def test_a_process_that_was_stopped_and_goes_on_is_not_ended(tmp_path):
    """A wait for a signal that is interrupted near its end returns a signal in Python that was never sent."""
    with subprocess.Popen([sys.executable, "-c", WORKS_ON, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        beat_s = float(process.stdout.readline())
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.2 * beat_s)
        process.send_signal(signal.SIGCONT)
        assert (process.wait(timeout=60), process.stdout.read()) == (0, "")
