"""Figures of samples, in numbers that can be checked by hand, and compared with the standard library."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.stats.samples import sample_figures

VALUES = st.floats(0.001, 1e6)
PAIRS = st.lists(st.lists(st.tuples(VALUES, st.integers(1, 40)), max_size=6), min_size=1, max_size=4).filter(
    lambda samples: sum(weight for sample in samples for _, weight in sample) > 1
)


def figures(*samples, weights=None, shares=(0.5, 0.9)):
    return sample_figures(samples, weights, shares)


def test_percentiles_interpolate_between_order_statistics():
    found = figures([4.0, 1.0, 3.0, 2.0])
    assert (found.count, found.smallest, found.largest, found.mean) == (4, 1.0, 4.0, 2.5)
    # Places 1.5 and 2.7 of 0 to 3.
    assert found.percentiles == pytest.approx((2.5, 3.7))


def test_percentiles_of_nothing_and_all_are_the_ends():
    assert figures([4.0, 1.0, 3.0], shares=(0.0, 1.0)).percentiles == (1.0, 4.0)


def test_one_value_has_no_deviation():
    found = figures([7.0])
    assert (found.percentiles, found.deviation) == ((7.0, 7.0), None)


def test_a_value_that_counts_twice_has_a_deviation():
    found = figures([7.0], weights=[[2]])
    assert (found.count, found.deviation) == (2, 0.0)


def test_a_weight_is_how_often_a_value_counts():
    found = figures([1.0, 5.0], weights=[[3, 1]])
    assert (found.count, found.mean, found.deviation) == (4, 2.0, 2.0)  # squares 3 + 9 over 3
    assert found.percentiles == pytest.approx((1.0, 3.8))  # 1 1 1 5 at places 1.5 and 2.7


def test_equal_values_do_not_deviate_at_all():
    found = figures([0.1] * 7, weights=[[3] * 7])
    assert (found.mean, found.deviation) == (0.1, 0.0)


@given(PAIRS)
def test_weights_are_repetitions(pairs):
    values = [[value for value, _ in sample] for sample in pairs]
    weights = [[weight for _, weight in sample] for sample in pairs]
    repeated = [[value for value, weight in sample for _ in range(weight)] for sample in pairs]
    weighted, plain = figures(*values, weights=weights), figures(*repeated)
    assert weighted.count == plain.count
    assert weighted.mean == pytest.approx(plain.mean)
    assert weighted.deviation == pytest.approx(plain.deviation, rel=1e-9, abs=1e-9)
    assert weighted.percentiles == pytest.approx(plain.percentiles)


@given(st.lists(VALUES, min_size=2, max_size=50))
def test_the_standard_library_agrees(values):
    found = figures(values, shares=(0.5, 0.25, 0.75))
    assert found.mean == pytest.approx(statistics.fmean(values))
    assert found.deviation == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-6)
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    assert found.percentiles == pytest.approx((middle, low, high))
