"""The Pareto front of cells, and the best cell inside limits."""

from __future__ import annotations

from llenergymeasure.domain.study.effects import CellEffect, MetricAnalysis
from llenergymeasure.study.analysis.choice.cells import best_within, pareto

SPEED, ENERGY = "tokens_per_second", "energy_per_output_token"


def analysis(metric, **means):
    cells = tuple(CellEffect(cell=cell, n_runs=3, mean=mean) for cell, mean in means.items())
    return MetricAnalysis(metric=metric, n_runs=9, n_blocks=3, method="cells", cells=cells, reference="a")


BOTH = {SPEED: analysis(SPEED, a=100, b=200, c=150), ENERGY: analysis(ENERGY, a=1.0, b=2.0, c=2.5)}


def test_a_cell_that_is_slower_and_needs_more_is_not_efficient():
    points = pareto(BOTH, (SPEED, ENERGY))
    assert [(point.cell, point.x, point.y, point.efficient) for point in points] == [
        ("a", 100, 1.0, True),
        ("b", 200, 2.0, True),
        ("c", 150, 2.5, False),
    ]


def test_without_one_of_both_there_is_no_front():
    assert pareto({SPEED: BOTH[SPEED]}, (SPEED, ENERGY)) == ()


def test_a_limit_is_at_least_where_higher_is_better():
    assert best_within(BOTH, ENERGY, {SPEED: 150.0}) == "b"
    assert best_within(BOTH, SPEED, {ENERGY: 1.5}) == "a"
    assert best_within(BOTH, ENERGY, {SPEED: 500.0}) is None


def test_a_cell_without_intervals_between_tokens_keeps_their_limit():
    assert best_within(BOTH, ENERGY, {"itl_p99_ms": 5.0}, {"b", "c"}) == "b"
    assert best_within({**BOTH, "itl_p99_ms": analysis("itl_p99_ms", a=4.0)}, ENERGY, {"itl_p99_ms": 5.0}, {"b"}) == "a"
    assert best_within(BOTH, ENERGY, {"ttft_p99_ms": 5.0}, {"b", "c"}) is None


def test_no_limit_or_a_limit_of_what_was_not_measured_chooses_nothing():
    assert best_within(BOTH, ENERGY, {}) is None
    assert best_within(BOTH, ENERGY, {"ttft_p95_ms": 500.0}) is None
