"""Variances within and between sessions, and the standard errors of a change, in numbers that can be checked by hand."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.stats.variance import VarianceComponents, variance_components


def test_the_variance_within_is_pooled_over_all_sessions():
    found = variance_components([[0.0, 2.0], [5.0, 5.0, 5.0]], [[1.0, 4.0]], floor=0.5)
    # squares 2 + 0 + 4.5 over degrees of freedom 1 + 2 + 1
    assert (found.within, found.within_df, found.floor) == (pytest.approx(6.5 / 4), 4, 0.25)


def test_one_session_a_side_shows_no_difference_between_sessions():
    assert variance_components([[0.0, 0.0]], [[9.0, 9.0]], floor=0.5).seen is None


def test_the_observed_variance_counts_from_two_sessions_on():
    # The means -1 and 1 about 0: squares 2 with one degree of freedom.
    assert variance_components([[-1.0, -1.0], [1.0, 1.0]], [[9.0, 9.0]], floor=0.5).seen == pytest.approx(2.0)


def test_a_second_look_is_a_session_of_its_own():
    # Squares 2 of the baseline about 0, and 0.5 of 9 and 10 about 9.5, with one degree of freedom each.
    found = variance_components([[-1.0, -1.0], [1.0, 1.0]], [[9.0, 9.0], [10.0, 10.0]], floor=0.5)
    assert found.seen == pytest.approx(2.5 / 2)


def test_autocorrelated_repeats_inflate_the_variances():
    assert variance_components([[0.0, 1.0, 2.0]], [[5.0, 6.0, 7.0]], floor=0.5).inflation == pytest.approx(3.0)


def test_the_assumed_error_adds_both_sides_and_both_variances():
    variance = VarianceComponents(within=1.2, within_df=10, floor=0.3)
    (error,) = variance.errors([6], [4])
    # within 1.2 x (1/6 + 1/4) = 0.5; floor 0.3 x (1 + 1) = 0.6
    assert error.value == pytest.approx(math.sqrt(1.1))
    assert error.df == pytest.approx(1.1**2 / (0.5**2 / 10 + 0.6**2 / 18))  # Satterthwaite; the floor is worth 18


def test_two_looks_halve_the_variance_of_their_side():
    error, _ = VarianceComponents(within=1.2, within_df=10, floor=0.3).errors([6], [4, 4])
    # within 1.2 x (1/6 + 1/8) = 0.35; floor 0.3 x (1 + 1/2) = 0.45
    assert error.value == pytest.approx(math.sqrt(0.8))


def test_inflation_widens_the_error_and_keeps_its_degrees_of_freedom():
    plain = VarianceComponents(within=1.2, within_df=10, floor=0.3).errors([6], [4])[0]
    inflated = VarianceComponents(within=1.2, within_df=10, floor=0.3, inflation=4.0).errors([6], [4])[0]
    assert (inflated.value, inflated.df) == (pytest.approx(2 * plain.value), plain.df)


def test_the_assumed_error_fills_the_missing_degrees_of_freedom_of_the_observed_one():
    variance = VarianceComponents(within=0.0, within_df=4, floor=0.2, seen=1.0)
    assumed, seen = variance.errors([3, 3], [3])
    # Assumed 0.2 x 3/2 = 0.3 with three of four degrees of freedom, seen 1.0 x 3/2 with one.
    assert (assumed.value, seen.value, seen.df) == (pytest.approx(math.sqrt(0.3)), pytest.approx(math.sqrt(0.6)), 4)


def test_with_many_sessions_the_assumed_error_counts_as_one_degree_of_freedom():
    variance = VarianceComponents(within=0.0, within_df=4, floor=0.0, seen=1.0)
    seen = variance.errors([3] * 6, [3])[1]
    # Seen 1.0 x 7/6 with five of six degrees of freedom.
    assert (seen.value, seen.df) == (pytest.approx(math.sqrt(35 / 36)), 6)


def test_with_one_baseline_session_two_looks_have_to_agree():
    assumed, seen = VarianceComponents(within=0.0, within_df=4, floor=0.2, seen=4.0).errors([3], [3, 3])
    # Assumed 0.2 x 3/2 = 0.3 with the 18 degrees of freedom of the floor, seen 4.0 x 3/2 with one: (5.4 + 6) / 19 = 0.6.
    assert (assumed.value, seen.value, seen.df) == (pytest.approx(math.sqrt(0.3)), pytest.approx(math.sqrt(0.6)), 19)


def test_sessions_without_observations_have_the_assumed_variance():
    assumed, seen = VarianceComponents(within=0.0, within_df=4, floor=0.2).errors([3, 3], [3])
    assert seen.value == pytest.approx(assumed.value)


def test_the_differences_between_sessions_can_be_left_out():
    assert len(VarianceComponents(1.0, 4, 0.0, seen=1.0).errors([3, 3], [3], between=False)) == 1


def test_without_any_variance_the_error_is_zero():
    (error,) = VarianceComponents(0.0, 4, 0.0).errors([3], [3])
    assert (error.value, error.df) == (0.0, math.inf)
