"""Outlying runs."""

from __future__ import annotations

import random

from llenergymeasure.stats.factorial.layout import Layout
from llenergymeasure.stats.factorial.outliers import strong_outliers


def fit_of(changed, n_cells=12, n_cycles=3, seed=1):
    """A fit of runs with a deviation of 2 %, of which some are changed."""
    chance = random.Random(seed)
    cells, blocks = list(range(n_cells)) * n_cycles, [c for c in range(n_cycles) for _ in range(n_cells)]
    values = [chance.gauss(0, 0.02) + changed.get(place, 0.0) for place in range(len(cells))]
    return Layout.of(cells, blocks).fit_all(values)


def test_runs_that_are_a_third_higher_are_found_the_largest_first():
    assert strong_outliers(fit_of({5: 0.3, 20: 0.4})) == (20, 5)


def test_the_other_runs_of_the_cell_of_an_outlier_are_none():
    assert strong_outliers(fit_of({20: 1.0})) == (20,)


def test_few_quiet_studies_have_one_by_chance():
    found = sum(bool(strong_outliers(fit_of({}, seed=seed))) for seed in range(300))
    assert found <= 15


def test_few_runs_are_not_enough():
    assert strong_outliers(fit_of({1: 5.0}, n_cells=2)) == ()


def test_equal_runs_have_none():
    layout = Layout.of(list(range(4)) * 5, [c for c in range(5) for _ in range(4)])
    assert strong_outliers(layout.fit_all([1.0, 2.0, 3.0, 4.0] * 5)) == ()
