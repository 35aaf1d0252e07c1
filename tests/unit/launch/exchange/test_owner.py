"""A child finds out that its owner has ended, by a process id or by a lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from llenergymeasure.launch.exchange.owner import is_locked, owned, owner_runs
from waiting import NO_PROCESS, until

HOLDS_THE_LOCK = """
import sys, time
from pathlib import Path
from llenergymeasure.launch.exchange.owner import owned
with owned(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_locked_as_long_as_its_owner_holds_it(tmp_path):
    with owned(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)


def test_a_folder_without_the_file_is_not_locked(tmp_path):
    assert not is_locked(tmp_path)
    assert not is_locked(tmp_path / "removed")


def test_the_lock_of_a_killed_owner_is_free(tmp_path):
    owner = subprocess.Popen([sys.executable, "-c", HOLDS_THE_LOCK, tmp_path], stdout=subprocess.PIPE, text=True)
    with owner:
        assert owner.stdout.readline() == "held\n"
        assert owner_runs(tmp_path, "lock")
        owner.send_signal(signal.SIGKILL)
    assert until(lambda: not owner_runs(tmp_path, "lock"))


def test_an_owner_on_the_same_machine_is_known_by_its_id(tmp_path):
    assert owner_runs(tmp_path, os.getpid())
    assert not owner_runs(tmp_path, NO_PROCESS)
