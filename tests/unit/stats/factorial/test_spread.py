"""Cells whose runs vary more than those of the others."""

from __future__ import annotations

import math
import random
from statistics import stdev

import pytest

from llenergymeasure.stats.factorial.layout import Layout
from llenergymeasure.stats.factorial.spread import cells_that_vary_more


def fit_of(values_of_cells):
    """A fit of cells with as many runs as cycles."""
    n_cycles = len(values_of_cells[0])
    cells = [cell for cell in range(len(values_of_cells)) for _ in range(n_cycles)]
    return Layout.of(cells, list(range(n_cycles)) * len(values_of_cells)).fit_all(
        [value for values in values_of_cells for value in values]
    )


def drawn(n_cells, deviation=0.01, of_cycles=0.0, seed=1):
    chance = random.Random(seed)
    cycles = [chance.gauss(0, of_cycles) for _ in range(3)]
    return [[cell + cycle + chance.gauss(0, deviation) for cycle in cycles] for cell in range(n_cells)]


def test_the_ratio_is_that_of_the_standard_deviations():
    """Tokens/s of a server at three rates below its capacity and one above it."""
    measured = [[12.4, 12.3, 12.5], [24.2, 24.3, 24.4], [40.3, 40.1, 40.6], [56.0, 41.0, 55.0]]
    logs = [[math.log(value) for value in values] for values in measured]
    others = math.sqrt(sum(stdev(values) ** 2 for values in logs[:3]) / 3)
    assert cells_that_vary_more(fit_of(logs)) == {3: pytest.approx(stdev(logs[3]) / others)}


def test_equal_spreads_are_found_in_about_one_of_a_hundred_studies():
    assert sum(bool(cells_that_vary_more(fit_of(drawn(8, seed=seed)))) for seed in range(400)) <= 12


def test_what_the_runs_of_a_cycle_have_in_common_is_no_difference():
    assert sum(bool(cells_that_vary_more(fit_of(drawn(8, of_cycles=0.1, seed=seed)))) for seed in range(100)) == 0


def test_cells_without_a_run_in_some_cycle_are_not_compared():
    """The first cycle is 5 % slower for all cells, and three of four cells have no run in it."""
    cells, blocks = [0, 0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 2, 1, 2, 1, 2, 1, 2]
    noise = [0.001, -0.001, 0.0005, 0.001, -0.001, -0.0015, 0.001, 0.0005, -0.001]
    values = [cell + (0.05 if block == 0 else 0.0) + each for cell, block, each in zip(cells, blocks, noise)]
    assert cells_that_vary_more(Layout.of(cells, blocks).fit_all(values)) == {}


def test_a_failed_run_of_another_cell_changes_nothing():
    logs = [[1.0, 1.01, 1.02], [2.0, 2.02, 2.01], [3.01, 3.0, 3.02], [4.5, 4.0, 4.3]]
    cells = [cell for cell in range(4) for _ in range(3)] + [4, 4]
    values = [value for each in logs for value in each] + [9.0, 5.0]
    found = cells_that_vary_more(Layout.of(cells, [0, 1, 2] * 4 + [0, 2]).fit_all(values))
    assert found == pytest.approx(cells_that_vary_more(fit_of(logs)))
    assert found.keys() == {3}


@pytest.mark.parametrize(
    "values", [[[1.0], [2.0]], [[1.0, 1.0], [2.0, 2.0]], [[1.0, 1.1, 1.2]], [[1.0, 1.5], [2.0, 2.0]]]
)
def test_nothing_is_found_where_the_other_cells_show_no_spread(values):
    assert cells_that_vary_more(fit_of(values)) == {}
