"""Ratios with intervals."""

from __future__ import annotations

import math
import random

import pytest
from scipy import stats

from llenergymeasure.stats.ratio import ratio_of_readings, ratio_of_repeats


def test_a_ratio_of_single_values_has_no_interval():
    found = ratio_of_repeats([2.0], [6.0, 6.0])
    assert (found.value, found.low, found.high) == (pytest.approx(3), None, None)


def test_the_interval_of_repeats_is_that_of_welch_on_logarithms():
    first, second = [10.0, 11.0, 10.4], [5.0, 5.6, 5.2, 5.1]
    found = ratio_of_repeats(first, second)
    oracle = stats.ttest_ind(
        [math.log(value) for value in second], [math.log(value) for value in first], equal_var=False
    ).confidence_interval()
    assert math.log(found.low) == pytest.approx(oracle.low)
    assert math.log(found.high) == pytest.approx(oracle.high)


def test_equal_repeats_have_an_interval_without_a_width():
    found = ratio_of_repeats([2.0, 2.0], [4.0, 4.0])
    assert found.value == found.low == found.high == pytest.approx(2)


def test_uncertainties_of_readings_are_added_in_quadrature():
    found = ratio_of_readings((100.0, 3.0), (200.0, 8.0))
    assert found.value == pytest.approx(2)
    assert math.log(found.high / found.value) == pytest.approx(0.05)
    assert math.log(found.value / found.low) == pytest.approx(0.05)


def test_intervals_contain_the_true_ratio_in_95_of_100_cases():
    chance, inside, cases = random.Random(5), 0, 2000
    for _ in range(cases):
        first = [math.exp(chance.gauss(0, 0.02)) for _ in range(3)]
        second = [1.2 * math.exp(chance.gauss(0, 0.02)) for _ in range(5)]
        found = ratio_of_repeats(first, second)
        inside += found.low <= 1.2 <= found.high
    assert 0.935 < inside / cases < 0.98  # Welch's interval is a little wide with three values
