"""Absolute limits: the mean of the repeats and its bounds against a number."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.stats.comparison import JudgeError
from pytest_llem.limits import parse_limit
from pytest_llem.verdict.budget import check_budget

HALF_A_JOULE = parse_limit("energy_per_output_token:0.5")


def test_the_bounds_are_the_t_interval_of_the_mean():
    found = check_budget([0.40, 0.42, 0.44], HALF_A_JOULE)
    reach = 2.9199855803537242 * 0.02 / math.sqrt(3)  # scipy.stats.t.ppf(0.95, 2), deviation 0.02
    assert (found.mean, found.low, found.high) == pytest.approx((0.42, 0.42 - reach, 0.42 + reach))
    assert (found.verdict, found.limit, found.advice) == ("ok", 0.5, "")


def test_surely_beyond_the_limit_is_over():
    assert check_budget([0.60, 0.61, 0.62], HALF_A_JOULE).verdict == "over"


@pytest.mark.parametrize("values", [[0.45, 0.50, 0.54], [0.40, 0.60, 0.65]])
def test_a_limit_within_the_scatter_is_open(values):
    found = check_budget(values, HALF_A_JOULE)
    assert found.verdict == "inconclusive"
    assert "more repeats" in found.advice


def test_values_without_scatter_may_stand_at_the_limit():
    assert check_budget([0.5] * 3, HALF_A_JOULE).verdict == "ok"
    assert check_budget([128] * 3, parse_limit("output_tokens:128")).verdict == "ok"
    assert check_budget([129] * 3, parse_limit("output_tokens:128")).verdict == "over"


def test_throughput_has_a_least_value():
    least = parse_limit("tokens_per_second:100")
    assert check_budget([110.0, 111.0, 112.0], least).verdict == "ok"
    assert check_budget([90.0, 91.0, 92.0], least).verdict == "over"


def test_two_repeats_give_a_mean_and_no_verdict():
    found = check_budget([9.0, 9.0], HALF_A_JOULE)
    assert (found.verdict, found.mean, found.high) == ("inconclusive", 9.0, None)
    assert "3 repeats or more, not 2" in found.advice
    assert check_budget([], HALF_A_JOULE).mean is None


def test_zero_is_a_value_and_nothing_is_not():
    assert check_budget([0.0] * 3, HALF_A_JOULE).verdict == "ok"
    for bad in (None, math.nan, math.inf):
        with pytest.raises(JudgeError, match="repeat 2 is"):
            check_budget([0.1, bad, 0.1], HALF_A_JOULE)


def test_a_relative_limit_needs_a_baseline():
    with pytest.raises(JudgeError, match="see compare"):
        check_budget([0.1] * 3, parse_limit("energy_per_output_token:5%"))
