"""Sums of squares, in numbers that can be checked by hand."""

from __future__ import annotations

import pytest

from llenergymeasure.stats.moments import sum_of_squares


def test_a_sum_of_squares_is_about_the_mean():
    assert sum_of_squares([1.0, 2.0, 6.0]) == pytest.approx(14.0)  # mean 3: 4 + 1 + 9


def test_values_that_differ_only_by_rounding_do_not_differ():
    assert sum_of_squares([0.1 + 0.2, 0.3]) == 0.0
