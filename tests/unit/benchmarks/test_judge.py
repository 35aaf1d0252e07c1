"""The simulation that the documentation's figures come from, and the rules it compares with."""

from __future__ import annotations

import math
from itertools import chain

import pytest
from benchmarks.judge import Cell, simulate
from benchmarks.rivals import mann_whitney, mean_threshold, ways, welch
from scipy.stats import mannwhitneyu, ttest_ind

BEFORE = [[1.02, 0.98, 1.012], [0.99, 1.00]]
AFTER = [1.03, 1.05, 1.01, 1.06, 1.04]


def p_value(rule):
    """The least alpha at which a rule raises an alarm, by halving."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rule(BEFORE, AFTER, 0.05, middle) else (middle, high)
    return high


def test_welch_agrees_with_scipy():
    expected = ttest_ind(AFTER, list(chain.from_iterable(BEFORE)), equal_var=False, alternative="greater")
    assert p_value(welch) == pytest.approx(expected.pvalue, rel=1e-9)


def test_mann_whitney_agrees_with_scipy():
    expected = mannwhitneyu(AFTER, list(chain.from_iterable(BEFORE)), alternative="greater", method="exact")
    assert expected.pvalue == 4 / 252  # 4 of the 252 orders
    assert p_value(mann_whitney) == pytest.approx(expected.pvalue, rel=1e-9)


def test_every_order_of_two_samples_is_counted_once():
    assert sum(ways(4, 5, u) for u in range(21)) == math.comb(9, 4)


def test_a_mean_threshold_looks_at_means():
    assert mean_threshold([[1.0, 1.0]], [1.06, 1.05], 0.05, 0.01)
    assert not mean_threshold([[1.0, 1.0]], [1.04, 1.05], 0.05, 0.01)


def test_a_cell_gives_the_same_figures_every_time():
    cell = Cell(cv=0.03, spread=0.01, sessions=1, change=0.05)
    assert simulate(cell, 20) == simulate(cell, 20) != simulate(cell, 20, seed=2)


def test_all_rules_see_a_change_of_a_fifth():
    rates = simulate(Cell(cv=0.03, spread=0.01, sessions=1, change=0.20), 30)
    assert (rates.verdicts["regression"], rates.confirmed) == (30, 30)
    assert rates.rivals == {"mean": 30, "Welch": 30, "M-W": 30}
