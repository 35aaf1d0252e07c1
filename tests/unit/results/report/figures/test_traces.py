"""Power of a run and of its window, each GPU on its own scale; points of a long trace are averaged."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("matplotlib")

from a_gpu_result import DECODE_W, IDLE_W, LOADED_W, a_gpu_result
from a_result import a_result, a_timeseries
from llenergymeasure.results.report.figures.run import run
from llenergymeasure.results.report.figures.traces import Row, run_rows, seconds_per_row, thinned
from llenergymeasure.results.report.figures.window import window, window_power


def rows(*values: float) -> list[Row]:
    return [Row(at, at + 1.0, value) for at, value in enumerate(values)]


def test_rows_are_put_together_with_their_mean():
    assert thinned(rows(1.0, 3.0, 5.0), most=2) == [Row(0, 2.0, 2.0), Row(2, 3.0, 5.0)]
    assert thinned(rows(1.0), most=2) == rows(1.0)


def test_rows_with_a_gap_between_them_are_not_put_together():
    first, second = rows(1.0, 3.0), [Row(at, at + 1.0, 5.0) for at in (100.0, 101.0)]
    assert thinned([*first, *second], most=1) == [Row(0, 2.0, 2.0), Row(100.0, 102.0, 5.0)]
    assert thinned([]) == []


def test_a_result_without_a_trace_has_no_figure_of_the_window():
    assert window(a_result(), "power_w", "power in W") is None
    assert window_power(a_result()) is None
    assert seconds_per_row(a_result()) == 1


def test_values_that_a_sensor_left_out_are_no_zeros():
    picture = window(a_result(timeseries=a_timeseries()), "temperature_c", "temperature in °C", from_zero=False)
    assert picture is not None
    assert picture.text == "GPU 0: from 50 to 50"


def test_the_steps_are_drawn_without_a_trace():
    picture = run(a_result())
    assert picture is not None
    assert "window" in picture.text
    assert picture.caption == "The steps of the run; the window is between the two lines."
    assert picture.title == "Steps of the run"


def test_the_curve_covers_the_time_before_and_after_the_window():
    result = a_gpu_result(n=8)
    (found,) = run_rows(result).values()
    first, last = found[0], found[-1]
    assert first.start_s == pytest.approx(result.timeline.phases[0].start_s, abs=0.1)
    assert first.value == pytest.approx(IDLE_W, rel=0.05)
    assert last.end_s > result.duration_sec
    assert last.value < DECODE_W
    before = [row.value for row in found if row.end_s <= 0.0]
    assert before[-1] == pytest.approx(LOADED_W, rel=0.05)
    assert all(row.end_s == pytest.approx(after.start_s, abs=1e-2) for row, after in zip(found, found[1:]))


def test_each_gpu_has_a_scale_of_its_own():
    result = a_gpu_result(2, n=8)
    for picture in (run(result), window_power(result)):
        first, second = picture.figure.axes
        assert (first.get_ylabel(), second.get_ylabel()) == ("GPU 0\npower in W", "GPU 1\npower in W")
        assert first.get_ylim()[1] > 1.05 * second.get_ylim()[1]
        assert "Each GPU has its own scale." in picture.caption


def test_a_gap_of_the_trace_is_a_gap_of_the_line():
    result = a_gpu_result(n=8)
    (trace,) = result.timeline.outside
    holes = trace.model_copy(update={"power_w": (None, *trace.power_w[1:4], None, *trace.power_w[5:])})
    timeline = result.timeline.model_copy(update={"outside": (holes,)})
    axes = run(result.model_copy(update={"timeline": timeline})).figure.axes[0]
    line = max(axes.lines, key=lambda each: len(each.get_xdata()))
    assert sum(math.isnan(value) for value in line.get_ydata()) == 1


def test_a_time_series_that_is_missing_is_reported():
    picture = run(a_gpu_result(n=8).model_copy(update={"timeseries": None}))
    assert "The power in the window is missing" in picture.caption
