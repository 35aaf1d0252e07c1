"""Points of a long trace are averaged."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from a_result import a_result, a_timeseries
from llenergymeasure.results.report.figures.trace import rows_per_value, run, thinned, window


def test_points_are_put_together_with_their_mean():
    assert thinned([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)], most=2) == [(0.0, 2.0), (2.0, 5.0)]
    assert thinned([(0.0, 1.0)], most=2) == [(0.0, 1.0)]


def test_a_result_without_a_trace_has_no_figure_of_the_window():
    assert window(a_result(), "power_w", "power in W") is None
    assert rows_per_value(a_result()) == 1


def test_values_that_a_sensor_left_out_are_no_zeros():
    picture = window(a_result(timeseries=a_timeseries()), "temperature_c", "temperature in °C", from_zero=False)
    assert picture is not None
    assert picture.text == "1 GPUs; from 50 to 50"


def test_the_steps_are_drawn_without_a_trace():
    picture = run(a_result())
    assert picture is not None
    assert "window" in picture.text
