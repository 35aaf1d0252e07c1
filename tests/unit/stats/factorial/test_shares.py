"""Shares of the explained variance."""

from __future__ import annotations

import pytest

from llenergymeasure.stats.factorial.grid import TermSum
from llenergymeasure.stats.factorial.inference import ErrorTerm
from llenergymeasure.stats.factorial.shares import shares

SUMS = {(0,): TermSum(6.0, 1), (1,): TermSum(2.0, 1), (0, 1): TermSum(2.0, 1)}


def found(variance, freedom=20, sums=SUMS, n_runs=2.0):
    return shares(sums, dict.fromkeys(sums, ErrorTerm(variance, freedom)), 2, n_runs)


def test_without_noise_half_of_the_interaction_goes_to_each_factor():
    assert found(0.0).factors == pytest.approx((0.7, 0.3))
    assert found(0.0).terms == pytest.approx({(0,): 0.6, (1,): 0.2, (0, 1): 0.2})


def test_the_contribution_of_noise_is_subtracted():
    """A variance of 2 adds 1 to each sum of two runs: 5, 1 and 1."""
    assert found(2.0).factors == pytest.approx((5.5 / 7, 1.5 / 7))


def test_nothing_explained_is_no_share():
    assert found(100.0) is None


def test_intervals_hold_the_share_and_are_narrow_with_little_noise():
    loud, quiet = found(0.2), found(0.002)
    for each in (loud, quiet):
        assert all(low < value < high for low, value, high in zip(each.lows, each.factors, each.highs))
    assert quiet.highs[0] - quiet.lows[0] < (loud.highs[0] - loud.lows[0]) / 5


def test_where_the_noise_is_not_known_there_are_no_shares():
    """The sums of a single cycle may be nothing but noise."""
    assert found(0.0, freedom=0) is None


def test_the_same_runs_give_the_same_intervals():
    assert found(0.2) == found(0.2)
