"""What processes leave for the aggregation: whole and checked, or refused with the reason."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict

import pytest

from a_result import a_result
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.ranks.files import (
    ProcessFacts,
    read_process_results,
    stem,
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


def test_samples_come_back_to_the_last_bit(tmp_path):
    awkward = (0.1 + 0.2, 5e-324, 1.7976931348623157e308, 1e16 + 2)
    latency = RESULT.latency.model_copy(update={"request_ms": awkward, "itl_ms": (0.1, 0.2), "itl_weights": (1, 2**40)})
    write_process_result(tmp_path, facts(0, world_size=1), RESULT.model_copy(update={"latency": latency}))
    (found,) = read_process_results(tmp_path, 1)
    assert found.result.latency == latency


@pytest.mark.parametrize(
    ("count", "samples", "words"),
    [(3, 16, "3 samples, more than there are"), (-1, 16, "more than"), (1, 16, "8 bytes .* are left over")],
)
def test_samples_that_do_not_fit_their_count_are_refused(tmp_path, count, samples, words):
    document = RESULT.model_dump(mode="json")
    document["latency"]["request_ms"] = count
    head = json.dumps(asdict(facts(0, world_size=1))) + "\n" + json.dumps(document) + "\n"
    content = head.encode() + bytes(samples)
    (tmp_path / f"{stem(0)}.json").write_bytes(content)
    (tmp_path / f"{stem(0)}.done").write_text(hashlib.sha256(content).hexdigest())
    with pytest.raises(AggregationError, match=f"the file of rank 0 cannot be read: .*{words}"):
        read_process_results(tmp_path, 1)


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
    "marker missing": "left no complete file",
    "empty": "does not match its marker",
    "swapped": "does not match its marker",
    "duplicated": "one rank is given twice",
    "one too many": "4 process files of 3",
    "hole": "not numbered 0 to 2",
    "another format": "format 99",
    "another run": "belongs to another run",
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
