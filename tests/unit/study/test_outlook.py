"""The time that is left."""

from __future__ import annotations

from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.study.outlook import Outlook


def a_row(cell, cycle, state="pending", took_s=None, waited_s=0.0):
    return RunRow(
        run_id=f"{cell}.c{cycle}", place=1, cell=cell, cycle=cycle, block="cycle 1", state=state, took_s=took_s,
        waited_s=waited_s,
    )  # fmt: skip


ROWS = [a_row(cell, cycle) for cycle in (1, 2) for cell in ("01", "02")]


def test_a_known_cell_takes_as_long_again_and_another_as_long_as_the_mean():
    outlook = Outlook(ROWS)
    first = outlook.ended(a_row("01", 1, "completed", 10.0, waited_s=5.0))
    assert (first.done, first.total, first.left_s) == (1, 4, 45.0)  # three runs of 15 s
    second = outlook.ended(a_row("02", 1, "completed", 30.0, waited_s=5.0))
    assert second.left_s == 50.0  # 15 s and 35 s


def test_before_a_run_has_ended_nothing_is_expected():
    assert Outlook(ROWS).ended(a_row("01", 1, "skipped")).left_s is None


def test_runs_of_an_earlier_process_are_known():
    rows = [a_row("01", 1, "completed", 10.0), *ROWS[1:]]
    found = Outlook(rows).ended(a_row("02", 1, "completed", 30.0))
    assert (found.done, found.left_s) == (2, 40.0)
