"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from llenergymeasure._files import complete_directory, launch_prefix, process_is_alive, remove_stale, write_atomic
from llenergymeasure.exceptions import ConfigError, LLEMError
from waiting import NO_PROCESS, until


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "a.json"
    write_atomic(path, "old")
    write_atomic(path, b"new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_new_file_is_readable_as_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_the_file_behind_a_link_is_replaced_and_not_the_link(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    write_atomic(tmp_path / "link.json", "new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_a_pipe_is_written_into_and_not_replaced():
    """As /dev/stdout, which an administrator could otherwise replace by a file."""
    output, given = os.pipe()
    try:
        write_atomic(Path(f"/dev/fd/{given}"), "x")
        assert os.read(output, 10) == b"x"
    finally:
        os.close(given)
        os.close(output)


@pytest.mark.parametrize("place", ["missing/a.json", "file/a.json"])
def test_a_place_that_cannot_be_written_is_named_with_a_fix(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"a\.json cannot be written .* choose another --output"):
        write_atomic(tmp_path / place, "x")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from llenergymeasure._files import complete_directory, process_is_alive, remove_stale, write_atomic
from llenergymeasure.exceptions import LLEMError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
base = Path(sys.argv[1])
write_atomic(base / "old.json", "old")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for attempt in ("file", "folder"):
    try:
        if attempt == "file":
            write_atomic(base / "old.json", "x" * 5000)
        else:
            with complete_directory(base, "result") as folder:
                write_atomic(folder.path / "a", "x" * 5000)
    except LLEMError as error:
        print(error)
"""


def test_a_full_disk_is_reported_and_leaves_the_old_file_and_nothing_else(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.count("the disk is full; free some space") == 2
    assert ".partial" not in done.stdout
    assert (tmp_path / "old.json").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["old.json"]


def test_a_folder_appears_when_it_is_complete(tmp_path):
    with complete_directory(tmp_path / "results", "r") as folder:
        (folder.path / "a").write_text("x")
        assert not (tmp_path / "results" / "r").exists()
    assert folder.final == tmp_path / "results" / "r"
    assert [entry.name for entry in folder.final.iterdir()] == ["a"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_folder_whose_making_failed_leaves_nothing(tmp_path, failure):
    with pytest.raises(failure), complete_directory(tmp_path, "r") as folder:
        (folder.path / "a").write_text("x")
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_a_taken_name_gets_the_next_number(tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r_1").write_text("a file of that name")
    with complete_directory(tmp_path, "r") as folder:
        (folder.path / "a").write_text("x")
    assert folder.final.name == "r_2"


def test_folders_made_at_the_same_time_are_all_kept(tmp_path):
    def make(text):
        with complete_directory(tmp_path, "r") as folder:
            (folder.path / "a").write_text(text)

    threads = [threading.Thread(target=make, args=(str(index),)) for index in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int((entry / "a").read_text()) for entry in tmp_path.iterdir()) == list(range(12))


def left_by(pid, machine):
    """The name of a folder in the making, of a process."""
    return f".r.partial-{machine}-{pid}-0a1b"


@pytest.fixture
def here(tmp_path):
    """This machine's mark."""
    with complete_directory(tmp_path, "probe") as folder:
        return folder.path.name.split("-")[1]


def test_folders_of_killed_processes_are_removed_and_those_of_running_ones_are_not(tmp_path, here):
    (tmp_path / left_by(NO_PROCESS, here)).mkdir()
    (tmp_path / left_by(os.getppid(), here)).mkdir()
    (tmp_path / ".of-another").mkdir()
    remove_stale(tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} == {left_by(os.getppid(), here), ".of-another", "probe"}


def test_what_another_machine_makes_on_a_shared_disk_is_never_removed(tmp_path):
    (tmp_path / left_by(NO_PROCESS, "0123abcd")).mkdir()
    remove_stale(tmp_path)
    assert (tmp_path / left_by(NO_PROCESS, "0123abcd")).exists()


def test_a_base_that_is_a_file_is_named(tmp_path):
    (tmp_path / "results").write_text("")
    with (
        pytest.raises(ConfigError, match="results cannot be written"),
        complete_directory(Path(tmp_path / "results"), "r"),
    ):
        pass


def test_other_errors_of_the_system_keep_their_message(tmp_path):
    with pytest.raises(LLEMError, match="could not be written"):
        write_atomic(tmp_path / ("x" * 300), "data")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_a_zombie_process_counts_as_ended():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_is_alive(process.pid)
    process.kill()
    assert until(lambda: not process_is_alive(process.pid))
    process.communicate()
    assert not process_is_alive(process.pid)


def test_folders_for_children_of_ended_processes_are_removed_and_of_living_ones_not(tmp_path):
    mine = Path(tempfile.mkdtemp(prefix=launch_prefix(), dir=tmp_path))
    gone = tmp_path / mine.name.replace(f"-{os.getpid()}-", f"-{NO_PROCESS}-")
    gone.mkdir()
    elsewhere = tmp_path / f"llem-launch-00000000-{NO_PROCESS}-abc"
    elsewhere.mkdir()
    remove_stale(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([mine, elsewhere])
