"""Unequal work, and drift of the control runs."""

from __future__ import annotations

import math

import pytest
from benchmarks.simulated_study import grid, run_row

from llenergymeasure.study.analysis.work import control_drift, unequal_work

PRECISIONS = grid({"precision": ["bf16", "fp16", "fp32"]})


def rows_with(*tokens, n_passes=None):
    return [
        run_row(cell.id, 1, place, {"output_tokens": count, "n_prompts": 10}, n_passes=n_passes)
        for place, (cell, count) in enumerate(zip(PRECISIONS.cells, tokens), 1)
    ]


def test_cells_that_generate_more_than_one_percent_more_or_less_are_named():
    assert unequal_work(PRECISIONS, rows_with(1000, 1009, 985)) == ("03",)


def test_passes_are_no_difference_of_work():
    rows = rows_with(1000, 1000, 1000)
    rows[1] = rows[1].model_copy(update={"n_passes": 5, "values": {"output_tokens": 5000, "n_prompts": 50}})
    assert unequal_work(PRECISIONS, rows) == ()


def test_windows_of_a_server_are_compared_by_their_tokens_per_request():
    """The totals of a window depend on its length, and on the requests at its ends."""
    rows = [row.model_copy(update={"failed_share": 0.0}) for row in rows_with(1000, 1500, 500)]
    assert unequal_work(PRECISIONS, rows) == ()
    lengths = zip(rows, (16.0, 16.0, 15.5))
    rows = [row.model_copy(update={"output_tokens_per_request": length}) for row, length in lengths]
    assert unequal_work(PRECISIONS, rows) == ("03",)


def test_lengths_that_are_varied_on_purpose_are_not_unequal():
    design = grid({"max_output_tokens": [64, 128], "precision": ["bf16", "fp16"]})
    tokens = {"01": 640, "02": 640, "03": 1280, "04": 1200}
    rows = [
        run_row(cell, 1, place, {"output_tokens": count, "n_prompts": 10})
        for place, (cell, count) in enumerate(tokens.items(), 1)
    ]
    assert unequal_work(design, rows) == ("04",)


def controls(*pairs):
    return [
        run_row("01", cycle, 2 * cycle + place, {"tokens_per_second": value}, role=role)
        for cycle, pair in enumerate(pairs, 1)
        for place, (role, value) in enumerate(zip(("control_first", "control_last"), pair))
    ]


def test_the_drift_is_the_mean_of_the_cycles():
    found = control_drift(controls((100, 104), (100, 104), (100, 104)), "tokens_per_second")
    assert (found.value, found.low, found.high) == (pytest.approx(1.04), pytest.approx(1.04), pytest.approx(1.04))


def test_two_cycles_that_differ_have_a_wide_interval():
    """Logs 0 and log 1.1: the deviation of their mean is half their difference, with one degree of freedom."""
    found = control_drift(controls((100, 100), (100, 110)), "tokens_per_second")
    assert found.value == pytest.approx(math.sqrt(1.1))
    assert found.high == pytest.approx(math.sqrt(1.1) * math.exp(12.706 * math.log(1.1) / 2), rel=1e-3)


def test_one_cycle_has_no_interval_and_a_missing_run_no_drift():
    assert control_drift(controls((100, 90)), "tokens_per_second").low is None
    assert control_drift(controls((100, 90))[:1], "tokens_per_second") is None
