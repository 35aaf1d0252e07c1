"""Cells against one of them."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.stats.factorial.against import against
from llenergymeasure.stats.factorial.inference import ErrorTerm
from llenergymeasure.stats.factorial.layout import Layout


def test_ratios_means_and_corrected_p():
    fit = Layout.of([0, 1, 2] * 2, [0] * 3 + [1] * 3).fit_all([math.log(value) for value in (2, 4, 2)] * 2)
    error = ErrorTerm(0.01, 4)
    found = against(fit, 0, error)
    assert found.means.values == pytest.approx([2, 4, 2])
    assert found.ratios.values == pytest.approx([1, 2, 1])
    assert found.ratios.highs[1] == pytest.approx(2 * math.exp(error.quantile * 0.1))
    assert found.means.lows[1] == pytest.approx(4 * math.exp(-error.quantile * 0.1 * math.sqrt(0.5)))
    assert (found.ratios.lows[0], found.ratios.highs[0]) == (1.0, 1.0)
    assert found.p_holm[2] == pytest.approx(1.0)
    assert found.p_holm[1] < 0.01


def test_a_single_cycle_has_no_intervals():
    fit = Layout.of([0, 1], [0, 0]).fit_all([0.0, 1.0])
    found = against(fit, 0, ErrorTerm(0.0, 0))
    assert (found.ratios.lows, found.p_holm) == ([None, None], None)
