"""Absolute limits: the mean of the repeats and its bounds against a number."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.stats.values import UnusableValue
from pytest_llem.verdict.budget import check_budget

HALF_A_JOULE = 0.5


def test_the_bounds_are_the_t_interval_of_the_mean():
    found = check_budget([0.40, 0.42, 0.44], HALF_A_JOULE)
    reach = 2.9199855803537242 * 0.02 / math.sqrt(3)  # scipy.stats.t.ppf(0.95, 2), deviation 0.02
    assert (found.mean, found.low, found.high) == pytest.approx((0.42, 0.42 - reach, 0.42 + reach))
    assert (found.verdict, found.n_repeats) == ("ok", 3)


def test_surely_beyond_the_limit_is_over():
    assert check_budget([0.60, 0.61, 0.62], HALF_A_JOULE).verdict == "over"


@pytest.mark.parametrize("values", [[0.45, 0.50, 0.54], [0.40, 0.60, 0.65]])
def test_a_limit_within_the_scatter_is_open(values):
    assert check_budget(values, HALF_A_JOULE).verdict == "inconclusive"


def test_values_without_scatter_may_equal_the_limit():
    assert check_budget([0.5] * 3, HALF_A_JOULE).verdict == "ok"
    assert check_budget([128] * 3, 128).verdict == "ok"
    assert check_budget([129] * 3, 128).verdict == "over"


def test_throughput_has_a_least_value():
    assert check_budget([110.0, 111.0, 112.0], 100, higher_is_worse=False).verdict == "ok"
    assert check_budget([90.0, 91.0, 92.0], 100, higher_is_worse=False).verdict == "over"


def test_two_repeats_give_a_mean_and_no_verdict():
    found = check_budget([9.0, 9.0], HALF_A_JOULE)
    assert (found.verdict, found.mean, found.high, found.n_repeats) == ("inconclusive", 9.0, None, 2)
    assert check_budget([], HALF_A_JOULE).mean is None


def test_zero_is_a_value_and_nothing_is_not():
    assert check_budget([0.0] * 3, HALF_A_JOULE).verdict == "ok"
    for bad in (None, math.nan, math.inf):
        with pytest.raises(UnusableValue) as refused:
            check_budget([0.1, bad, 0.1], HALF_A_JOULE)
        assert refused.value.repeat == 2
