"""The plots' arithmetic: ticks, bins, places."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llenergymeasure.results.report.svg import Plot, histogram, short, stairs, ticks_of

numbers = st.floats(-1e9, 1e9, allow_nan=False)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-3, 2, [-3, -2, -1, 0, 1, 2]), (5, 5, [5])],
)
def test_ticks_are_round(low, high, ticks):
    assert ticks_of(low, high) == ticks


@given(numbers, numbers)
def test_ticks_lie_inside_and_are_few(low, high):
    low, high = min(low, high), max(low, high)
    ticks = ticks_of(low, high)
    slack = 1e-6 * max(abs(low), abs(high), high - low, 1)
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert 1 <= len(ticks) <= 14


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=200))
@example([0.0, 5e-324])
def test_every_value_falls_into_one_bin(values):
    bins = histogram(values)
    assert sum(share for _, share in bins) == len(values)
    assert len(bins) <= 40


def test_weights_count_as_so_many_values():
    assert sum(share for _, share in histogram([1.0, 2.0, 3.0], [4, 5, 6])) == 15


def test_stairs_keep_a_value_until_the_next():
    assert list(stairs([(0, 5), (1, 7)], 2)) == [(0, 5), (1, 5), (1, 7), (2, 7)]


def test_places_run_from_left_to_right_and_from_bottom_to_top():
    plot = Plot("p", (0, 10), (0, 10))
    assert plot.at_x(0) < plot.at_x(5) < plot.at_x(10) < plot.width
    assert plot.at_y(0) > plot.at_y(10) > 0


def test_a_plot_of_one_point_is_still_a_plot():
    plot = Plot("p", (3, 3), (0, 0))
    plot.dot(3, 0, "dot")
    plot.x_axis("x")
    plot.y_axis("y")
    assert "nan" not in plot.drawn()


def test_texts_are_escaped():
    plot = Plot("<b>", (0, 1), (0, 1))
    plot.text(0, 0, "<script>")
    drawn = plot.drawn()
    assert "<script>" not in drawn
    assert "<b>" not in drawn


def test_short_numbers_stay_short():
    assert short(1 / 3) == "0.333333"
    assert short(2.5e9) == "2.5e+09"
    assert math.isclose(float(short(123456)), 123456)
