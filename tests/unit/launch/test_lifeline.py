"""The thread that ends a process when its owner has ended."""

from __future__ import annotations

import subprocess
import sys

from waiting import until

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


def an_ended_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_folder_is_removed_whole_although_the_main_thread_returns_first(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for number in range(MANY):
        (folder / str(number)).touch()

    subprocess.run([sys.executable, "-c", LEAVES_AT_ONCE, folder, str(an_ended_process())], timeout=60, check=False)

    assert until(lambda: not any(tmp_path.iterdir()), 2.0)


def test_a_folder_that_cannot_be_renamed_such_as_a_mount_is_emptied(tmp_path):
    folder = tmp_path / "run"
    (folder / "results" / "deep").mkdir(parents=True)
    (folder / "log").touch()
    (tmp_path / "run.gone" / "in the way").mkdir(parents=True)

    subprocess.run([sys.executable, "-c", LEAVES_AT_ONCE, folder, str(an_ended_process())], timeout=60, check=False)

    assert until(lambda: not any(folder.iterdir()), 2.0)
