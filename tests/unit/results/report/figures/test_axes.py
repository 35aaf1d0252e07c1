"""Logarithmic axes and labels of points."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

from llenergymeasure.results.report.figures.axes import label_points, log_ticks, logarithmic
from llenergymeasure.results.report.figures.canvas import plot


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1, 1000, [1, 10, 100, 1000]),
        (1, 80, [1, 3, 10, 30]),
        (1, 7, [1, 1.5, 2, 3, 5, 7]),
        (0.9, 2.1, [1, 1.25, 1.5, 1.75, 2]),
        (0.98, 1.02, [0.98, 0.99, 1, 1.01, 1.02]),
    ],
)
def test_ticks_are_round(low, high, ticks):
    assert log_ticks(low, high) == pytest.approx(ticks)


@given(st.floats(1e-9, 1e9), st.floats(1.0001, 1e12))
def test_ticks_lie_inside_and_are_few(low, ratio):
    high = low * ratio
    ticks = log_ticks(low, high)
    assert all(low * (1 - 1e-6) <= tick <= high * (1 + 1e-6) for tick in ticks)
    assert len(ticks) <= 14
    assert ticks == sorted(set(ticks))


def test_an_axis_shows_all_values_and_one_value_too():
    for values in ([1.0, 50.0], [3.0]):
        _, (axes,) = plot(2.0)
        logarithmic(axes, "y", values)
        low, high = axes.get_ylim()
        assert axes.get_yscale() == "log"
        assert low < min(values) <= max(values) < high


def boxes(points, labels):
    figure, (axes,) = plot(4.0)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    label_points(figure, axes, points, labels)
    figure.draw_without_rendering()
    return axes, {text.get_text(): text.get_window_extent() for text in axes.texts}


def test_labels_do_not_overlap_and_stay_inside():
    chance = random.Random(3)
    points = [(chance.random(), chance.random()) for _ in range(40)]
    axes, found = boxes(points, [[f"label {at}", str(at)] for at in range(40)])
    assert len(found) > 20
    placed = list(found.values())
    for index, box in enumerate(placed):
        assert axes.bbox.x0 <= box.x0 + 1
        assert box.x1 <= axes.bbox.x1 + 1
        assert not any(
            min(box.x1, other.x1) - max(box.x0, other.x0) > 1 and min(box.y1, other.y1) - max(box.y0, other.y0) > 1
            for other in placed[index + 1 :]
        )


def test_a_label_is_shortened_or_left_out_where_there_is_no_space():
    _, found = boxes([(0.5, 0.5)] * 12, [[f"a long label {at}", str(at)] for at in range(12)])
    assert 0 < len(found) < 12


def test_a_point_without_a_label_has_none():
    assert boxes([(0.5, 0.5)], [[]])[1] == {}


def test_a_label_crosses_no_line():
    figure, (axes,) = plot(4.0)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    line = ((0.5, 0.5), (0.9, 0.5))
    label_points(figure, axes, [(0.5, 0.5)], [["a label"]], [line])
    figure.draw_without_rendering()
    (text,) = axes.texts
    _, (_, height) = axes.transData.transform(list(line))
    box = text.get_window_extent()
    assert box.y0 > height or box.y1 < height
