"""What a worker makes of its task."""

from __future__ import annotations

import pytest

from fake_workers import machine
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.exceptions import LLEMError
from llenergymeasure.study.executors.task import CycleTask
from llenergymeasure.study.executors.worker import enter, rows_to_make

A, B = machine(0), machine(1)


def row(place, state, attempt, gpus=(), **fields):
    return RunRow(
        run_id=f"0{place}.c1", place=place, cell=f"0{place}", cycle=1, block="cycle 1", state=state, attempt=attempt, gpus=gpus,
        **fields,
    )  # fmt: skip


def task(*rows):
    return CycleTask(cycle=1, number=1, rows=rows, since="", user_config=UserConfig(), directory=".", executor="fake")


def states(rows):
    return [(row.state, row.attempt) for row in rows]


def test_runs_that_were_completed_on_its_gpus_are_kept():
    made = task(row(1, "completed", 1, A.gpus), row(2, "pending", 0))
    assert states(rows_to_make(made, [], A)) == [("completed", 1), ("pending", 0)]
    assert states(rows_to_make(made, [], B)) == [("pending", 1), ("pending", 0)]


def test_a_worker_that_an_engine_started_again_continues_after_its_own_records():
    made = task(row(1, "pending", 0), row(2, "pending", 0))
    records = [row(1, "running", 1), row(1, "completed", 1, A.gpus), row(2, "running", 1)]
    assert states(rows_to_make(made, records, A)) == [("completed", 1), ("pending", 1)]
    assert states(rows_to_make(made, records, B)) == [("pending", 1), ("pending", 1)]


def test_a_failed_run_is_made_again_without_its_failure():
    (made,) = rows_to_make(task(row(1, "failed", 1, failure=RunFailure(kind="crash", message="x"))), [], A)
    assert (made.state, made.failure) == ("pending", None)


def test_a_working_directory_that_is_not_there_is_explained(tmp_path):
    with pytest.raises(LLEMError, match=r"cannot be entered on this machine .* a directory that all machines share"):
        enter(str(tmp_path / "none"))
