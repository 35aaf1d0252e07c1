"""Levels of a factor."""

from __future__ import annotations

import numpy as np
import pytest

from llenergymeasure.stats.factorial.grid import Estimates
from llenergymeasure.stats.factorial.inference import ErrorTerm
from llenergymeasure.stats.factorial.levels import compare_levels

THREE = Estimates(np.array([1.0, 3.0, 2.0]), np.diag([0.5, 0.5, 1.0]))


def test_differences_span_and_margins():
    """Standard errors: a deviation of 2 times the root of 0.5 + 0.5, or 0.5 + 1."""
    error = ErrorTerm(4.0, 10)
    found = compare_levels(THREE, error, reference=2, alpha=0.01)
    assert [each.value for each in found.differences] == [-1.0, 1.0, 0.0]
    assert (found.lowest, found.highest, found.span.value) == (0, 1, 2.0)
    assert found.span.margin == pytest.approx(2 * error.quantile)
    assert found.differences[0].margin == pytest.approx(2 * error.quantile * 1.5**0.5)
    assert found.differences[2].margin == 0.0


def test_without_a_spread_there_are_differences_only():
    found = compare_levels(THREE, ErrorTerm(0.0, 0), reference=0, alpha=0.01)
    assert (found.span.value, found.span.margin, found.p_value, found.detectable) == (2.0, None, None, None)
