"""The t distribution against constants of scipy.stats.t (scipy 1.17.1, `cdf` and `ppf`, printed with repr)."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.stats.student import t_cdf, t_quantile, t_sf

CDF = [
    (0.0, 5, 0.5),
    (0.5, 0.5, 0.6213409635352818),
    (-3.2, 1, 0.09641124797922958),
    (2, 2, 0.908248290463863),
    (0.7, 3, 0.7328365008476182),
    (2.5, 8, 0.981528981143188),
    (-4.0, 13.7, 0.0006850925720231003),
    (1.3, 99.5, 0.9016977794545405),
    (2.2, 1234.5, 0.9860041731720358),
    (1.0, 9999.0, 0.8413326466248714),
    (-1.5, 10001.0, 0.06682298433353476),
    (3.0, 1000000.0, 0.9986500687292891),
    (2.0, math.inf, 0.9772498680518208),
    (-40.0, 3, 1.7190340394579253e-05),
]
QUANTILE = [
    (0.99, 1, 31.820515953773935),
    (0.95, 2, 2.9199855803537242),
    (0.8, 3, 0.9784723123633042),
    (0.01, 4.5, -3.5270508906260924),
    (0.99, 8, 2.896459447709622),
    (0.95, 12.25, 1.7792618031500258),
    (0.8, 80.0, 0.8461373479462968),
    (0.999, 3, 10.214531852407383),
    (0.99, 5000.0, 2.327093917733347),
    (0.95, 100000.0, 1.6448688647849696),
    (0.99, math.inf, 2.3263478740408408),
    (0.0001, 7, -7.063432828157514),
]


@pytest.mark.parametrize(("t", "df", "expected"), CDF)
def test_the_distribution_agrees_with_scipy(t, df, expected):
    assert t_cdf(t, df) == pytest.approx(expected, abs=1e-10)
    assert t_sf(-t, df) == t_cdf(t, df)


@pytest.mark.parametrize(("p", "df", "expected"), QUANTILE)
def test_the_quantile_agrees_with_scipy(p, df, expected):
    assert t_quantile(p, df) == pytest.approx(expected, abs=1e-9)


def test_one_degree_is_the_cauchy_distribution():
    for t in (-5.0, -0.1, 0.3, 7.0):
        assert t_cdf(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi, abs=1e-14)


def test_the_quantile_inverts_the_distribution_for_broken_degrees_too():
    for df in (0.6, 1.5, 4.2, 37.9, 9_999.5, 10_000.5, math.inf):
        for p in (0.001, 0.4999, 0.5, 0.5001, 0.9, 0.999):
            assert t_cdf(t_quantile(p, df), df) == pytest.approx(p, abs=1e-12)


def test_a_far_tail_keeps_its_digits():
    assert t_sf(60.0, 10) == pytest.approx(2.0092614253442037e-14, rel=1e-12)  # scipy.stats.t.sf


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, math.nan])
def test_there_is_no_quantile_of_certainty(p):
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        t_quantile(p, 5)


def test_degrees_of_freedom_are_positive():
    with pytest.raises(ValueError, match="must be positive"):
        t_cdf(1.0, 0)
