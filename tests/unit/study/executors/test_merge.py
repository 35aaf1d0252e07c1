"""The rows of workers in the table of a study."""

from __future__ import annotations

import pytest

from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.study.executors.merge import Merge, block_of, late_runs, made_on
from llenergymeasure.study.executors.records import Began, Ended
from llenergymeasure.study.executors.task import CycleTask, journal_file, write_task
from llenergymeasure.study.files.journal import Journal
from llenergymeasure.study.files.manifest import StudyEnvironment


def row(place, cycle=1, **fields):
    return RunRow(
        run_id=f"0{place}.c{cycle}", place=place, cell=f"0{place}", cycle=cycle, block=f"cycle {cycle}", **fields
    )


def completed(place, gpu, block="cycle 1"):
    return row(place, state="completed", attempt=1, gpus=(gpu,)).model_copy(update={"block": block})


def test_a_run_on_a_part_of_the_gpus_was_made_on_them_and_one_without_gpus_on_its_machine():
    assert made_on(completed(1, "A"), "node-2", ["A", "B"])
    assert not made_on(completed(1, "A"), "node-1", ["B"])
    on_cpu = row(1, state="completed", host="node-1")
    assert made_on(on_cpu, "node-1", ["A"])
    assert not made_on(on_cpu, "node-2", [])
    assert not made_on(row(1, state="failed", host="node-1"), "node-1", [])


def test_the_block_is_that_of_the_runs_that_are_kept():
    assert block_of(1, [row(1), row(2)], "node-1", ["A"]) == "cycle 1"
    assert block_of(1, [completed(1, "A"), row(2)], "node-1", ["A"]) == "cycle 1"
    assert block_of(1, [completed(1, "A"), row(2)], "node-1", ["B"]) == "cycle 1, started again"
    both = [completed(1, "A"), completed(2, "B", "cycle 1, started again")]
    assert block_of(1, both, "node-1", ["B"]) == "cycle 1, started again"
    assert block_of(1, both, "node-1", ["A"]) == "cycle 1"
    assert block_of(1, both, "node-1", ["C"]) == "cycle 1, started again 2"


def at(second):
    return f"2026-01-02T03:04:{second:02d}.000+00:00"


def worker(folder, cycle, host, *records, began_at=0):
    """A task with the journal of its worker."""
    task = CycleTask(cycle=cycle, number=1, rows=(), since="", user_config=UserConfig(), directory=".", executor="fake")
    path = write_task(folder, task)
    began = Began(
        record="began",
        start=1,
        host=host,
        gpus=(f"gpu-{cycle}",),
        environment=StudyEnvironment(facts={}),
        at=at(began_at),
    )
    with Journal(journal_file(path)) as journal:
        for record in (began, *records):
            journal.append(record)
    return task


def merged(folder, rows, *tasks):
    recorded = []
    merge = Merge(folder, rows, recorded.append, lambda task, began: None)
    for task in tasks:
        merge.follow(task)
    merge.take()
    return merge, recorded


def ran(place, cycle, host, from_s, took_s):
    return row(place, cycle, state="failed", attempt=1, host=host, started_at=at(from_s), took_s=took_s)


@pytest.mark.parametrize(
    ("host", "ended_at", "neighbours"),
    [("node-1", 30, 1), ("node-2", 30, 0), ("node-1", 4, 0)],
    ids=["beside", "on another machine", "ended before"],
)
def test_neighbours_are_the_other_tasks_on_the_machine_during_the_run(tmp_path, host, ended_at, neighbours):
    one = worker(tmp_path, 1, "node-1", ran(1, 1, "node-1", 5, 10))
    other = worker(tmp_path, 2, host, Ended(record="ended", at=at(ended_at)))
    rows = [row(1), row(2, 2)]
    merged(tmp_path, rows, one, other)
    assert rows[0].neighbours == neighbours


@pytest.mark.parametrize(("second_began", "neighbours"), [(9, 1), (7, 2)], ids=["one after the other", "together"])
def test_tasks_that_follow_each_other_are_one_neighbour(tmp_path, second_began, neighbours):
    one = worker(tmp_path, 1, "node-1", ran(1, 1, "node-1", 5, 10))
    first = worker(tmp_path, 2, "node-1", Ended(record="ended", at=at(8)))
    second = worker(tmp_path, 3, "node-1", Ended(record="ended", at=at(30)), began_at=second_began)
    rows = [row(1), row(2, 2), row(3, 3)]
    merged(tmp_path, rows, one, first, second)
    assert rows[0].neighbours == neighbours


def test_a_task_that_began_after_the_run_is_no_neighbour(tmp_path):
    rows = [row(1), row(2, 2)]
    merged(
        tmp_path,
        rows,
        worker(tmp_path, 1, "node-1", ran(1, 1, "node-1", 5, 10)),
        worker(tmp_path, 2, "node-1", began_at=20),
    )
    assert rows[0].neighbours == 0


def test_a_row_is_merged_once(tmp_path):
    rows = [row(1)]
    task = worker(tmp_path, 1, "node-1", ran(1, 1, "node-1", 5, 10))
    merge, recorded = merged(tmp_path, rows, task)
    merge.take()
    assert len(recorded) == 1
    assert merged(tmp_path, rows, task)[1] == []


def test_a_row_of_an_earlier_attempt_is_left_out(tmp_path):
    later = row(1, state="running", attempt=2)
    rows = [later]
    assert merged(tmp_path, rows, worker(tmp_path, 1, "node-1", ran(1, 1, "node-1", 5, 10)))[1] == []
    assert rows == [later]


def test_a_result_that_was_taken_before_its_worker_recorded_it_is_not_late(tmp_path):
    """The head found it on the disk when it gave the worker up."""
    runs = [row(place, state="completed", attempt=1) for place in (1, 2)]
    task = worker(tmp_path, 1, "node-1", *runs).model_copy(update={"is_given_up": True, "merged": 1})
    assert list(late_runs(tmp_path, [task], [runs[0], row(2)])) == ["02.c1"]
