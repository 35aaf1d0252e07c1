"""The lock of a folder of baselines."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_llem.baseline.folder import update_folder
from pytest_llem.baseline.lock import NAME, locked
from pytest_llem.baseline.parse import BaselineError

HOLDER = """
import sys
from pathlib import Path
from pytest_llem.baseline.lock import locked

with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_a_held_lock_is_waited_for_and_then_an_error(tmp_path, holder):
    with pytest.raises(BaselineError, match=r"another run has held \.lock for 0 s; end it"), locked(tmp_path, 0.0):
        pass


def test_a_released_lock_is_acquired(tmp_path, holder):
    holder.communicate("\n")
    with locked(tmp_path, 0.0):
        assert (tmp_path / NAME).exists()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_killed_process_is_free(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / NAME).exists()
    with locked(tmp_path, 0.0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_created_and_an_impossible_one_is_an_error(tmp_path):
    with locked(tmp_path / "deep" / "baselines"):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(BaselineError, match="file: cannot be written: File exists"), locked(tmp_path / "file"):
        pass


def test_an_update_removes_what_a_killed_one_left(tmp_path):
    (tmp_path / ".a.json.123-456.tmp").write_text("{")
    (tmp_path / "notes.tmp").write_text("")
    update_folder(tmp_path, lambda baselines: baselines)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.tmp"]
