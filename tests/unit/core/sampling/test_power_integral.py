"""Energy from power samples, compared with waveforms with a known integral."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.sampling.power_integral import (
    instant_energy_j,
    integral,
    mean_power_w,
    unwound_energy_j,
    value_at,
)
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.core.sampling.power_sensors import Sensor


def test_a_value_between_two_points_is_on_the_line():
    assert value_at([(0, 10.0), (2, 30.0)], 0.5) == 15.0


@pytest.mark.parametrize("time_s", [-0.1, 2.1])
def test_there_is_no_value_outside_the_points(time_s):
    assert value_at([(0, 10.0), (2, 30.0)], time_s) is None


def test_100_w_for_2_s_is_200_j():
    assert integral([(0, 100.0), (1, 100.0), (3, 100.0)], 0.5, 2.5) == pytest.approx(200.0)


def test_a_ramp_is_half_its_box():
    assert integral([(0, 0.0), (4, 400.0)], 0, 4) == pytest.approx(800.0)


def test_points_that_do_not_cover_the_window_give_nothing():
    assert integral([(1, 100.0), (2, 100.0)], 0.5, 1.5) is None


def polled(
    waveform_mean, sensor: Sensor, until_s: float, column: str, poll_s: float = 0.05, from_s: float = 0.0
) -> PowerLog:
    """Samples of a sensor that updates every period with the mean power of its window."""
    log = PowerLog()
    for index in range(round((until_s - from_s) / poll_s) + 1):
        time_s = from_s + index * poll_s
        tick_s = math.floor(time_s / sensor.period_s + 1e-9) * sensor.period_s
        reading = waveform_mean(tick_s - sensor.window_s, tick_s)
        log.add(time_s, **{f"{column}_w": reading})
    return log


def step_mean(start_s, end_s, low, high):
    """Mean of a waveform that is `high` from start_s to end_s, else `low`."""

    def mean(a, b):
        inside = max(min(b, end_s) - max(a, start_s), 0.0)
        return low + (high - low) * inside / (b - a)

    return mean


@pytest.mark.parametrize("duration_s", [1.0, 2.5, 10.0])
def test_instant_power_is_back_dated(duration_s):
    """Without the shift a step of 300 W is seen 100 ms late and the end of the work is lost."""
    sensor = Sensor(0.1, 0.1)
    mean = step_mean(5.0, 5.0 + duration_s, 50, 350)
    log = polled(mean, sensor, 20, "instant")
    assert instant_energy_j(log, sensor, 5.0, 5.0 + duration_s) == pytest.approx(
        350 * duration_s, rel=0.03 / duration_s
    )


@pytest.mark.parametrize("duration_s", [0.7, 1.0, 3.3, 10.0])
def test_the_one_second_average_is_unwound(duration_s):
    mean = step_mean(5.0, 5.0 + duration_s, 60, 360)
    log = polled(mean, Sensor(0.1, 1.0), 20, "average")
    naive = integral(log.between("average_w", 5.0, 5.0 + duration_s), 5.0, 5.0 + duration_s)
    unwound = unwound_energy_j(log, 60.0, 5.0, 5.0 + duration_s)
    truth = 360 * duration_s
    assert abs(naive - truth) / truth > 0.8 * min(0.3, 0.4 / duration_s)
    assert unwound == pytest.approx(truth, rel=0.035 / duration_s)


def test_a_mean_is_over_the_readings_between_two_times():
    assert mean_power_w([(0.9, 1.0), (1.0, 50.0), (1.5, 60.0), (2.0, 70.0), (2.1, 9.0)], 1.0, 2.0) == 60.0
    assert mean_power_w([(0.9, 1.0)], 1.0, 2.0) is None


def test_the_readings_of_a_window_come_half_a_period_and_half_a_window_later():
    log = PowerLog()
    for tenth in range(40):
        log.add(tenth / 10, instant_w=100.0 * tenth)  # at t: 1000 t
    # From 1.0 s to 2.0 s, read at 1.2 s to 2.2 s: (1200 W + 2200 W) / 2 x 1 s.
    assert instant_energy_j(log, Sensor(period_s=0.3, window_s=0.1), 1.0, 2.0) == pytest.approx(1700.0)


def test_averages_of_a_second_each_are_added_back_to_idle():
    log = PowerLog()
    for tenth in range(60):
        log.add(tenth / 10 + 0.05, average_w=100.0 * (tenth // 10))  # 200 W from 2.05 s on, 300 W from 3.05 s on
    # 1.5 s before 4.0 s: averages at 4.0 s and 3.0 s, read 50 ms later, less the half second of 60 W before 2.5 s.
    assert unwound_energy_j(log, 60.0, 2.5, 4.0) == pytest.approx(400.0 + 300.0 - 60.0 * 0.5)
    assert unwound_energy_j(log, 60.0, 2.5, 6.5) is None


@given(st.lists(st.floats(0, 700), min_size=2, max_size=40), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_parts_of_a_window_sum_to_the_whole(powers, a, b):
    points = [(float(index), power) for index, power in enumerate(powers)]
    end_s = len(powers) - 1.0
    low, high = sorted((a * end_s, b * end_s))
    whole = integral(points, 0, end_s)
    assert integral(points, 0, low) + integral(points, low, high) + integral(points, high, end_s) == pytest.approx(
        whole, abs=1e-6
    )
