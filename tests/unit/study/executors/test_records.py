"""The journal of a worker, read while it is written."""

from __future__ import annotations

import pytest

from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.executors.records import Began, Ended, read_records
from llenergymeasure.study.files.journal import Journal
from llenergymeasure.study.files.manifest import StudyEnvironment

BEGAN = Began(
    record="began", start=1, host="node-1", environment=StudyEnvironment(facts={}), at="2026-01-02T03:04:05+00:00"
)
ROW = RunRow(run_id="01.c1", place=1, cell="01", cycle=1, block="cycle 1", state="running", attempt=1)
ENDED = Ended(record="ended", at="2026-01-02T03:04:06+00:00")


@pytest.fixture
def file(tmp_path):
    with Journal(tmp_path / "c1.1.jsonl") as journal:
        for record in (BEGAN, ROW, ENDED):
            journal.append(record)
    return tmp_path / "c1.1.jsonl"


def test_records_come_back_in_their_order_and_from_any_line_on(file):
    assert read_records(file) == [BEGAN, ROW, ENDED]
    assert read_records(file, 2) == [ENDED]


def test_a_worker_that_has_not_begun_has_no_records(tmp_path):
    assert read_records(tmp_path / "none.jsonl") == []


def test_a_line_that_is_being_written_is_left_out(file):
    file.write_bytes(file.read_bytes()[:-5])
    assert read_records(file) == [BEGAN, ROW]


@pytest.mark.parametrize("damage", [lambda text: text.replace(b"node-1", b"node-2"), lambda text: b"{}\n" + text])
def test_a_damaged_line_is_named(file, damage):
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ConfigError, match=r"c1\.1\.jsonl, line 1 is damaged"):
        read_records(file)
