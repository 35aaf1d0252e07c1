"""Two error terms of a split plot."""

from __future__ import annotations

import random

import numpy as np
import pytest

from llenergymeasure.stats.factorial.layout import Layout
from llenergymeasure.stats.factorial.split_plot import strata

GROUPS = [0, 0, 0, 1, 1, 1]


def fit_of(of_groups, of_runs, n_cycles=4, seed=1, lost=()):
    chance = random.Random(seed)
    runs = [(cell, cycle) for cycle in range(n_cycles) for cell in range(6) if (cell, cycle) not in lost]
    level = {(group, cycle): chance.gauss(0, of_groups) for cycle in range(n_cycles) for group in (0, 1)}
    values = [level[GROUPS[cell], cycle] + chance.gauss(0, of_runs) for cell, cycle in runs]
    return Layout.of([cell for cell, _ in runs], [cycle for _, cycle in runs]).fit_all(values)


def test_what_differs_between_groups_is_in_their_error_only():
    found = strata(fit_of(1.0, 0.0), GROUPS)
    assert found.inside.variance == pytest.approx(0.0, abs=1e-20)
    assert found.between.variance > 0.1


def test_degrees_of_freedom_add_up_to_those_of_the_fit():
    """Of 15: 3 x 1 between two groups in four cycles, and 3 x 4 inside."""
    fit = fit_of(0.1, 0.1)
    found = strata(fit, GROUPS)
    assert (found.between.freedom, found.inside.freedom, fit.layout.freedom) == (3, 12, 15)
    squares = found.between.variance * 3 + found.inside.variance * 12
    assert squares == pytest.approx(fit.sum_of_squares)


def test_without_a_difference_of_groups_both_errors_are_the_variance_of_a_run():
    found = [strata(fit_of(0.0, 1.0, seed=seed), GROUPS) for seed in range(300)]
    assert np.mean([each.between.variance for each in found]) == pytest.approx(1.0, abs=0.15)
    assert np.mean([each.inside.variance for each in found]) == pytest.approx(1.0, abs=0.1)


def test_with_a_lost_run_there_is_no_statement_between_groups():
    found = strata(fit_of(0.1, 0.1, lost={(2, 1)}), GROUPS)
    assert (found.between.freedom, found.inside.freedom) == (0, 11)
