"""What processes leave for the aggregation: whole and checked, or refused with the reason."""

from __future__ import annotations

import shutil

import pytest

from a_result import a_result
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.process_files import (
    ProcessFacts,
    failures,
    missing_ranks,
    read_process_results,
    stem,
    write_failure,
    write_process_result,
)

WORLD = 3
RESULT = a_result()


def facts(rank, world_size=WORLD, run_id="run", host="here", **changed):
    return ProcessFacts(rank, world_size, run_id, host, 1000.0, 1002.0, **changed)


@pytest.fixture
def folder(tmp_path):
    for rank in range(WORLD):
        write_process_result(tmp_path, facts(rank), RESULT)
    return tmp_path


def test_what_was_written_is_read_in_order_of_rank(folder):
    found = read_process_results(folder, WORLD, "run")
    assert [one.facts.rank for one in found] == [0, 1, 2]
    assert found[1].result == RESULT
    assert missing_ranks(folder, WORLD) == ()


def swap(folder, file):
    other = folder / f"{stem(2)}.json"
    whole = file.read_bytes()
    file.write_bytes(other.read_bytes())
    other.write_bytes(whole)


def duplicate(folder, file):
    for ending in (".json", ".done"):
        shutil.copy(folder / f"{stem(2)}{ending}", file.with_suffix(ending))


def rewritten(**changed):
    return lambda folder, file: write_process_result(folder, facts(**{"rank": 1, **changed}), RESULT)


DAMAGES = {
    "file missing": lambda folder, file: file.unlink(),
    "marker missing": lambda folder, file: file.with_suffix(".done").unlink(),
    "empty": lambda folder, file: file.write_bytes(b""),
    "swapped": swap,
    "duplicated": duplicate,
    "one too many": rewritten(rank=WORLD),
    "hole": lambda folder, file: file.rename(folder / f"{stem(WORLD)}.json"),
    "another format": rewritten(format=99),
    "another run": rewritten(run_id="other"),
    "another size": rewritten(world_size=2),
}
REASONS = {
    "file missing": "2 process files of 3",
    "marker missing": "left no whole file",
    "empty": "does not fit its marker",
    "swapped": "does not fit its marker",
    "duplicated": "one is there twice",
    "one too many": "4 process files of 3",
    "hole": "not numbered 0 to 2",
    "another format": "format 99",
    "another run": "of another run",
    "another size": "one of 2 processes",
}


@pytest.mark.parametrize("how", REASONS)
def test_damage_is_refused_with_its_reason(folder, how):
    DAMAGES[how](folder, folder / f"{stem(1)}.json")
    with pytest.raises(AggregationError, match=REASONS[how]):
        read_process_results(folder, WORLD, "run")


def test_a_foreign_file_is_none_of_ours(folder):
    (folder / "notes.json").write_text("{}")
    (folder / "rank-1.json").write_text("{}")
    assert len(read_process_results(folder, WORLD)) == WORLD


def test_a_process_that_gave_up_says_why(tmp_path):
    write_failure(tmp_path, 2, "out of memory")
    assert failures(tmp_path) == {2: "out of memory"}
    assert missing_ranks(tmp_path, 3) == (0, 1, 2)
