"""Student's t: values checked by hand, and compared with `scipy.stats.t`, which uses another method."""

from __future__ import annotations

import math

import pytest
from scipy.stats import t as student

from llenergymeasure.stats.intervals import StandardError

DEGREES = (0.6, 1.0, 4.2, 37.9, 9_999.5, 1e6, math.inf)


def test_a_margin_is_the_t_quantile_of_standard_errors():
    # One degree of freedom is the Cauchy distribution: its upper quarter begins at tan(pi / 4) = 1.
    assert StandardError(3.0, 1).margin(0.75) == pytest.approx(3.0)
    # Two degrees: t = (2 p - 1) / sqrt(2 p (1 - p)); at p = 0.9 that is 0.8 / sqrt(0.18).
    assert StandardError(0.5, 2).margin(0.9) == pytest.approx(0.5 * 0.8 / math.sqrt(0.18))


def test_infinite_degrees_of_freedom_are_the_normal_distribution():
    assert StandardError(2.0, math.inf).margin(0.95) == pytest.approx(2.0 * 1.6448536269514722)
    assert StandardError(2.0, math.inf).p_value(4.0) == pytest.approx(0.022750131948179195)


def test_the_p_value_is_the_upper_tail():
    # Two standard errors at one degree of freedom: 1/2 - atan(2) / pi.
    assert StandardError(5.0, 1).p_value(10.0) == pytest.approx(0.5 - math.atan(2) / math.pi)
    assert StandardError(5.0, 1).p_value(-10.0) == pytest.approx(0.5 + math.atan(2) / math.pi)
    assert StandardError(5.0, 7.3).p_value(0.0) == 0.5


@pytest.mark.parametrize("df", DEGREES)
def test_whole_and_broken_degrees_agree_with_scipys_distribution(df):
    for level in (0.6, 0.95, 0.999):
        assert StandardError(1.0, df).margin(level) == pytest.approx(student.ppf(level, df), rel=1e-8)
    for t in (-3.2, 0.7, 4.0):
        assert StandardError(1.0, df).p_value(t) == pytest.approx(student.sf(t, df), rel=1e-8)


@pytest.mark.parametrize("df", DEGREES)
def test_a_difference_at_its_margin_has_the_rest_as_its_p_value(df):
    error = StandardError(0.02, df)
    assert error.p_value(error.margin(0.99)) == pytest.approx(0.01, rel=1e-6)


def test_a_far_tail_keeps_its_digits():
    assert StandardError(1.0, 10).p_value(60.0) == pytest.approx(2.0092614253442037e-14, rel=1e-8)


def test_without_an_error_any_difference_is_certain():
    exact = StandardError(0.0, 4)
    assert (exact.margin(0.95), exact.p_value(1e-9), exact.p_value(0.0), exact.p_value(-1.0)) == (0.0, 0.0, 1.0, 1.0)
