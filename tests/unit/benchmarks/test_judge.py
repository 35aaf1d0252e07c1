"""The simulation that the documentation's figures come from, and the rules it compares with."""

from __future__ import annotations

import math
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from benchmarks.judge import Cell, rivals, simulate
from benchmarks.judge_many import checked, p_values, sessions
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


def test_a_mean_threshold_compares_means():
    assert mean_threshold([[1.0, 1.0]], [1.06, 1.05], 0.05, 0.01)
    assert not mean_threshold([[1.0, 1.0]], [1.04, 1.05], 0.05, 0.01)


def test_a_cell_gives_the_same_figures_every_time():
    cell = Cell(cv=0.03, spread=0.01, sessions=1, change=0.05)
    assert simulate(cell, 500) == simulate(cell, 500) != simulate(cell, 500, seed=2)
    assert rivals(cell, 20) == rivals(cell, 20) != rivals(cell, 20, seed=2)


def test_all_rules_see_a_change_of_a_fifth():
    counts = rivals(Cell(cv=0.03, spread=0.01, sessions=5, change=0.20), 30)
    assert counts == {"judge": 30, "open": 0, "mean": 30, "Welch": 30, "M-W": 30}


@pytest.mark.parametrize("n_sessions", [1, 2, 3, 5])
@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_the_simulated_rule_is_that_of_the_plugin(n_sessions, rho):
    chance = np.random.default_rng(n_sessions)
    before = sessions(chance, (100, n_sessions, 4), 0.03, 0.03, rho)
    now = sessions(chance, (100, 2, 4), 0.03, 0.03, rho) + 0.08
    checked(before, now, 0.05, 0.01, 0.02, sample=100)


def test_a_rule_that_differs_from_that_of_the_plugin_is_noticed():
    def naive(before, now, floor):
        change, p = p_values(before, now, floor)
        return change, 0.9 * p

    chance = np.random.default_rng(1)
    before, now = (sessions(chance, (20, n, 4), 0.03, 0.03, 0.0) for n in (2, 1))
    with pytest.raises(AssertionError, match="the judge"):
        checked(before, now, 0.05, 0.01, 0.02, sample=20, rule=naive)


def test_simulated_repeats_have_their_noise_and_autocorrelation():
    values = sessions(np.random.default_rng(1), (20_000, 1, 5), cv=0.02, spread=0.01, rho=0.6)[:, 0]
    assert values.var() == pytest.approx(0.02**2 + 0.01**2, rel=0.03)
    first, second = values[:, 1], values[:, 2]
    assert np.cov(first, second)[0, 1] == pytest.approx(0.6 * 0.02**2 + 0.01**2, rel=0.05)


@pytest.mark.parametrize(("spread", "n_sessions", "bounded"), [(0.05, 3, True), (0.02, 1, True), (0.03, 2, False)])
def test_the_level_holds_from_three_sessions_on_or_where_sessions_differ_by_the_floor(spread, n_sessions, bounded):
    assert Cell(0.01, spread, n_sessions).bounded is bounded


ROOT = Path(__file__).resolve().parents[3]


def rows_of(page):
    """The rows of figures on a page."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line.startswith("| ") and "both looks" in line}


def test_the_figures_of_the_plugin_page_are_those_that_the_benchmark_printed():
    shown = rows_of("pytest-plugin.md")
    assert len([row for row in shown if "+10% caught" in row or "false alarms" in row]) >= 5
    assert shown <= rows_of("benchmarks.md")
    assert all(row.endswith("| kept |") for row in shown)
