"""The journal: after a crash it has exactly the appended lines."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.exceptions import ConfigError, LLEMError
from llenergymeasure.study.files.journal import BLOCK_BYTES, Journal, read_journal


def a_row(place=1, state="running", **fields):
    return RunRow(
        run_id=f"{place:02}.c1", place=place, cell=f"{place:02}", cycle=1, block="cycle 1", state=state, **fields
    )


def test_the_last_state_of_each_run_is_read(tmp_path):
    done = a_row(
        1, "completed", values={"tokens_per_second": 3.5, "ttft_p50_ms": None}, result="runs/01.c1/result.json"
    )
    failed = a_row(2, "failed", failure=RunFailure(kind="timeout", message="too long", last_lines=("a", "b")))
    with Journal(tmp_path / "journal.jsonl") as journal:
        for row in (a_row(1), done, a_row(2), failed):
            journal.append(row)
    assert read_journal(tmp_path / "journal.jsonl") == {1: done, 2: failed}


def test_a_torn_last_line_is_not_read_and_the_next_writer_removes_it(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append(a_row(1))
    with path.open("ab") as file:
        file.write(b'{"run_id": "02.c1", "pla')
    assert list(read_journal(path)) == [1]
    with Journal(path) as journal:
        journal.append(a_row(3))
    assert list(read_journal(path)) == [1, 3]


@pytest.mark.parametrize("length", [1, BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 5])
def test_a_torn_line_of_any_length_is_removed(tmp_path, length):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append(a_row(1))
    whole = path.read_bytes()
    path.write_bytes(whole + b"x" * length)
    with Journal(path):
        assert path.read_bytes() == whole
    path.write_bytes(b"x" * length)
    with Journal(path):
        assert path.read_bytes() == b""


def test_a_damaged_line_before_the_last_one_is_named(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append(a_row(1))
    path.write_bytes(b'{"place": 1\n' + path.read_bytes())
    with pytest.raises(ConfigError, match=r"journal\.jsonl, line 1 is damaged"):
        read_journal(path)


def test_a_line_that_cannot_be_written_is_taken_back(tmp_path, monkeypatch):
    path, write = tmp_path / "journal.jsonl", os.write
    full = iter([True, True])

    def half(file, line):
        if next(full, False):
            return write(file, line[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(path) as journal:
        journal.append(a_row(1))
        whole = path.read_bytes()
        monkeypatch.setattr(os, "write", half)
        with pytest.raises(LLEMError, match="disk is full"):
            journal.append(a_row(2))
        monkeypatch.undo()
        assert path.read_bytes() == whole
        journal.append(a_row(3))
    assert list(read_journal(path)) == [1, 3]


@pytest.mark.parametrize(
    "damage", [lambda path: path.mkdir(), lambda path: path.touch() or os.truncate(path, 600_000_000)]
)
def test_a_journal_that_cannot_be_read_is_named_with_the_fix(tmp_path, damage):
    damage(tmp_path / "journal.jsonl")
    with pytest.raises(ConfigError, match=r"journal\.jsonl .*; (make it readable|remove it: results .* are kept)"):
        read_journal(tmp_path / "journal.jsonl")


@pytest.mark.parametrize("place", range(0, 160, 7))
def test_a_changed_bit_is_found(tmp_path, place):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append(a_row(1, "completed", values={"tokens_per_second": 31.5, "ttft_p50_ms": 12.25}))
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="line 1 is damaged"):
        read_journal(path)


def test_a_text_without_a_utf_8_form_comes_back(tmp_path):
    row = a_row(1, "failed", failure=RunFailure(kind="error", message="cannot read p\udcff.jsonl"))
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append(row)
    assert read_journal(tmp_path / "journal.jsonl") == {1: row}


def test_a_second_writer_is_refused_until_the_first_has_closed(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path), pytest.raises(ConfigError, match="another process is running the study"):
        Journal(path)
    with Journal(path) as journal:
        journal.append(a_row(1))


def test_a_refused_writer_leaves_no_open_file(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path):
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            with pytest.raises(ConfigError):
                Journal(path)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
