"""Variances within and between sessions, and the standard error of a change, in numbers that a hand can check."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.stats.variance import VarianceComponents, sum_of_squares, variance_components


def test_a_sum_of_squares_is_about_the_mean():
    assert sum_of_squares([1.0, 2.0, 6.0]) == pytest.approx(14.0)  # mean 3: 4 + 1 + 9


def test_values_that_differ_only_by_rounding_do_not_differ():
    assert sum_of_squares([0.1 + 0.2, 0.3]) == 0.0


def test_the_variance_within_is_pooled_over_all_sessions():
    found = variance_components([[0.0, 2.0], [5.0, 5.0, 5.0]], [1.0, 4.0], floor=0.5)
    # squares 2 + 0 + 4.5 over degrees of freedom 1 + 2 + 1
    assert (found.within, found.within_df) == (pytest.approx(6.5 / 4), 4)


def test_up_to_four_sessions_are_assumed_to_differ_by_the_floor():
    found = variance_components([[0.0, 0.0]] * 4, [9.0, 9.0], floor=0.5)
    assert (found.between, found.between_df) == (0.25, math.inf)


def test_five_sessions_weigh_what_was_seen_against_the_floor():
    means = (-2.0, -1.0, 0.0, 1.0, 2.0)
    found = variance_components([[m, m] for m in means], [0.0, 0.0], floor=0.5)
    # The means have variance 10 / 4; with 4 degrees of freedom each: (4 x 0.25 + 4 x 2.5) / 8.
    assert (found.between, found.between_df) == (pytest.approx(11 / 8), 8)


def test_what_repeats_explain_is_taken_off_the_variance_of_session_means():
    means = (-2.0, -1.0, 0.0, 1.0, 2.0)
    found = variance_components([[m - 1, m + 1] for m in means], [0.0, 0.0], floor=0.0)
    # within: squares 5 x 2 over 6; each mean is of 2 values: 2.5 - (10 / 6) / 2 = 5 / 3, times 4 of 8.
    assert found.between == pytest.approx(5 / 6)


def test_sessions_closer_than_their_repeats_promise_have_no_variance_of_their_own():
    found = variance_components([[-1.0, 1.0]] * 5, [0.0, 0.0], floor=0.0)
    assert found.between == 0.0


def test_the_standard_error_of_a_change_adds_both_sides():
    variance = VarianceComponents(within=1.2, within_df=10, between=0.3, between_df=math.inf)
    error = variance.standard_error([3, 6], repeats=4)
    # within 1.2 x ((1/3 + 1/6) / 4 + 1/4) = 0.45; between 0.3 x (1 + 1/2) = 0.45
    assert error.value == pytest.approx(math.sqrt(0.9))
    assert error.df == pytest.approx(0.9**2 / (0.45**2 / 10))  # Satterthwaite: 40


def test_without_any_variance_the_error_is_zero():
    error = VarianceComponents(0.0, 4, 0.0, math.inf).standard_error([3], 3)
    assert (error.value, error.df) == (0.0, math.inf)


def test_more_sessions_measure_what_fewer_assume():
    assumed = VarianceComponents(1.0, 4, 0.25, math.inf)
    assert assumed.with_sessions(4) is assumed
    assert assumed.with_sessions(6).between_df == 4 + 5
    measured = VarianceComponents(1.0, 4, 0.25, 8)
    assert measured.with_sessions(10) is measured
