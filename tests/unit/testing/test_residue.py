"""What a part leaves behind is found while threads and processes end."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from llenergymeasure.testing.residue import children, own_mb


class EndsWhileListed(type(Path())):
    """A folder of threads in which thread 2 ends between the look at its list of children and its reading."""

    def read_text(self, *arguments, **options):
        if self.parent.name == "2":
            raise ProcessLookupError(self)
        return super().read_text(*arguments, **options)


def test_the_children_of_all_threads_are_listed_although_one_of_them_ends(tmp_path):
    for thread in ("1", "2", "3"):
        (tmp_path / thread).mkdir()
        (tmp_path / thread / "children").write_text(f"{thread}1 {thread}2 ")
    assert children(EndsWhileListed(tmp_path)) == {11, 12, 31, 32}


def test_without_a_list_there_are_no_children(tmp_path):
    assert children(tmp_path / "nowhere") == set()


def test_a_child_of_this_process_is_listed():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert not Path("/proc/self/task").exists() or child.pid in children()


@pytest.mark.skipif(own_mb() is None, reason="needs Linux, which says how much memory a process has")
def test_pages_of_files_are_not_memory_of_the_process(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(bytes(2**26))
    before_mb = own_mb()
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[:: mmap.PAGESIZE].count(0) == 2**26 // mmap.PAGESIZE
        kept = b"x" * 40_000_000
        assert 30 < own_mb() - before_mb < 60, f"{len(kept)} bytes were kept, and {len(mapped)} of a file were read"


def test_without_its_file_the_memory_is_not_known(tmp_path):
    assert own_mb(tmp_path / "nowhere") is None
