"""The rules of the verdict, with a standard error that can be checked by hand: 0.02 with very many degrees of freedom."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.stats.change import Change
from llenergymeasure.stats.variance import VarianceComponents

# The repeats of one baseline session and of the current one: 0.0006 x (1/3 + 1/3) = 0.02 squared.
VARIANCE = VarianceComponents(within=0.0006, within_df=10**9, floor=0.0)
EXACT = VarianceComponents(0.0, 4, 0.0)
T95, T99, T80 = 1.6448536269514722, 2.3263478740408408, 0.8416212335729143


def a_change(log_ratio, limit=0.05, higher_is_worse=True, variance=VARIANCE):
    return Change(log_ratio, variance, (3,), (3,), limit=limit, alpha=0.01, higher_is_worse=higher_is_worse)


@pytest.mark.parametrize(
    ("log_ratio", "limit", "verdict"),
    [
        (0.06, 0.05, "regression"),  # beyond the limit, and 3 standard errors from nothing
        (0.04, 0.03, "inconclusive"),  # beyond the limit, 2 standard errors: p is 0.023
        (0.04, 0.05, "inconclusive"),  # within the limit, but its bound 0.04 + 1.645 x 0.02 is not
        (0.01, 0.05, "ok"),  # its bound is 0.0429
        (-0.04, 0.05, "ok"),
        (-0.06, 0.05, "improved"),
    ],
)
def test_a_verdict_needs_both_size_and_significance(log_ratio, limit, verdict):
    assert a_change(log_ratio, limit).verdict == verdict
    assert a_change(-log_ratio, limit, higher_is_worse=False).verdict == verdict


def test_bounds_and_p_value_come_from_the_standard_error():
    change = a_change(0.06)
    assert [error.value for error in change.errors] == [pytest.approx(0.02)]
    assert change.margin == pytest.approx(0.02 * T95)
    assert change.p_value == pytest.approx(0.5 * math.erfc(3 / math.sqrt(2)))
    assert a_change(0.06, higher_is_worse=False).p_value == pytest.approx(1 - change.p_value)


def test_what_is_detectable_is_significant_or_beyond_the_limit_four_times_in_five():
    assert a_change(0.0, limit=0.01).detectable == pytest.approx(0.02 * (T99 + T80))
    assert a_change(0.0, limit=0.10).detectable == pytest.approx(0.10 + 0.02 * T80)


def test_a_worsening_is_a_ratio_above_one_where_more_is_worse_and_below_where_less_is():
    assert a_change(0.0).ratio_of(0.1) == pytest.approx(math.exp(0.1))
    assert a_change(0.0, higher_is_worse=False).ratio_of(0.1) == pytest.approx(math.exp(-0.1))


def test_without_an_error_a_change_exactly_at_its_limit_is_within_it():
    assert a_change(0.05, limit=0.05, variance=EXACT).verdict == "ok"
    assert a_change(0.0501, limit=0.05, variance=EXACT).verdict == "regression"


def test_a_change_of_rounding_is_none():
    assert a_change(1e-16, variance=EXACT).p_value == 1.0


def both_errors():
    """Two baseline sessions that differ more than was assumed."""
    variance = VarianceComponents(within=0.0, within_df=4, floor=0.0002, seen=0.0010)
    return Change(0.08, variance, (3, 3), (3,), limit=0.05, alpha=0.01, higher_is_worse=True)


def test_a_change_has_to_be_significant_by_both_errors():
    change = both_errors()
    assumed, seen = change.errors
    assert assumed.p_value(0.08) < 0.01 < seen.p_value(0.08)
    assert (change.p_value, change.verdict) == (seen.p_value(0.08), "inconclusive")
    assert change.margin == seen.margin(0.95)  # the best estimate


@pytest.mark.parametrize(
    ("log_ratio", "limit", "suspected"),
    [
        (0.04, 0.03, True),  # 2 standard errors: p is 0.023
        (0.06, 0.05, True),
        (0.03, 0.02, False),  # 1.5 standard errors: p is 0.067
        (0.04, 0.05, False),  # within the limit
        (-0.06, 0.05, False),  # better
    ],
)
def test_a_change_beyond_the_limit_that_is_unlikely_by_chance_gets_a_second_look(log_ratio, limit, suspected):
    assert a_change(log_ratio, limit).suspected is suspected


def test_a_larger_design_keeps_the_variances_and_narrows_the_error():
    variance = VarianceComponents(within=0.0006, within_df=8, floor=0.0002)
    change = Change(0.0, variance, (3,), (3,), limit=0.05, alpha=0.01, higher_is_worse=True)
    larger = change.in_design(5, 6)
    assert (larger.before, larger.now, larger.variance) == ([3] * 5, [6], variance)
    assert larger.errors[0].value == pytest.approx(math.sqrt(0.0006 * (1 / 15 + 1 / 6) + 0.0002 * (1 + 1 / 5)))


def test_a_design_has_as_many_looks_as_the_change():
    assert Change(0.0, VARIANCE, (3,), (3, 4), 0.05, 0.01, True).in_design(1, 6).now == [6, 6]
