"""Intervals, tests and what is detectable."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import f, nct, t

from llenergymeasure.stats.factorial.inference import ErrorTerm, detectable, f_test, holm, ratio_test, t_tests


def test_an_interval_is_that_of_students_t():
    assert ErrorTerm(4.0, 10).margin(0.25) == pytest.approx(t.ppf(0.975, 10))


def test_without_degrees_of_freedom_there_is_no_statement():
    error = ErrorTerm.of(0.0, 0)
    assert error.margin(1.0) is None
    assert error.margins(np.ones(2)) is None
    assert t_tests(np.ones(2), np.ones(2), error) is None
    assert f_test(np.ones(1), np.eye(1), error) is None
    assert detectable(1.0, error, 0.01) is None


def test_one_contrast_has_the_same_p_by_f_and_by_t():
    error = ErrorTerm(2.0, 7)
    both = f_test(np.array([1.5]), np.array([[0.5]]), error), t_tests(np.array([1.5]), np.array([0.5]), error)[0]
    assert both == (pytest.approx(2 * t.sf(1.5, 7)), pytest.approx(2 * t.sf(1.5, 7)))


def test_p_of_a_mean_square():
    assert ratio_test(6.0, 2, ErrorTerm(2.0, 9)) == pytest.approx(f.sf(3.0, 2, 9))


@pytest.mark.parametrize(("difference", "p_value"), [(0.5, 0.0), (0.0, 1.0), (1e-14, 1.0)])
def test_without_a_spread_any_difference_is_certain_and_rounding_is_none(difference, p_value):
    error = ErrorTerm(0.0, 4)
    assert t_tests(np.array([difference]), np.array([1.0]), error) == [p_value]
    assert f_test(np.array([difference]), np.eye(1), error) == p_value


def test_a_detectable_difference_is_found_with_probability_0_8():
    error, unit = ErrorTerm(0.02**2, 22), 2 / 18
    step = detectable(unit, error, 0.01)
    off_centre = step / (0.02 * math.sqrt(unit))
    assert nct.sf(t.ppf(0.995, 22), 22, off_centre) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(("freedom", "alpha"), [(1, 0.01), (2, 0.001), (5, 0.01), (500, 0.0001)])
def test_what_is_detectable_agrees_with_the_noncentral_t(freedom, alpha):
    off_centre = detectable(1.0, ErrorTerm(1.0, freedom), alpha)
    assert nct.sf(t.ppf(1 - alpha / 2, freedom), freedom, off_centre) == pytest.approx(0.8, abs=1e-6)


def test_it_has_an_answer_for_one_degree_of_freedom_and_many_comparisons():
    """scipy's inverse of the noncentral t does not return here."""
    assert detectable(1.0, ErrorTerm(1.0, 1), 0.01 / 9999) == pytest.approx(815_000, rel=1e-2)


def test_holm_by_hand():
    """Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.04 x 1; none may be below the one before."""
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
