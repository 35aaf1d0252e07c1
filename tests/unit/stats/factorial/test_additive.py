"""Factors of lists of cells."""

from __future__ import annotations

import pytest

from llenergymeasure.stats.factorial.additive import fit_additive
from llenergymeasure.stats.factorial.inference import ErrorTerm
from llenergymeasure.stats.factorial.layout import Layout


def fitted(means, levels):
    """Two equal cycles of cells with these means."""
    n = len(means)
    fit = Layout.of(list(range(n)) * 2, [0] * n + [1] * n).fit_all([*means] * 2)
    return fit_additive(fit, levels, ErrorTerm(0.01, n - 1))


def test_one_change_at_a_time_gives_each_change():
    found = fitted([1.0, 1.5, 0.8], [(0, 0), (1, 0), (0, 1)])
    steps = {axis: estimates.values[1] - estimates.values[0] for axis, estimates in found.factors.items()}
    assert steps == pytest.approx({0: 0.5, 1: -0.2})
    assert found.p_interacting is None


def test_factors_that_always_change_together_cannot_be_separated():
    found = fitted([1.0, 1.5, 2.0], [(0, 0, 0), (1, 1, 0), (1, 1, 1)])
    assert list(found.factors) == [2]


def test_cells_that_do_not_add_up_show_an_interaction():
    assert fitted([0.0, 1.0, 1.0, 5.0], [(0, 0), (1, 0), (0, 1), (1, 1)]).p_interacting < 0.001
    assert fitted([0.0, 1.0, 1.0, 2.0], [(0, 0), (1, 0), (0, 1), (1, 1)]).p_interacting == pytest.approx(1.0)
