"""Energy as the integral of power readings, each shifted back to the middle of its sensor's averaging window."""

from __future__ import annotations

import math
from bisect import bisect_left
from statistics import fmean

from llenergymeasure.core.sampling.power_log import Points, PowerLog
from llenergymeasure.core.sampling.power_sensors import AVERAGE_PERIOD_S, AVERAGE_WINDOW_S, Sensor


def value_at(points: Points, time_s: float) -> float | None:
    """Linear interpolation; None outside the points."""
    if not points or not points[0][0] <= time_s <= points[-1][0]:
        return None
    index = bisect_left(points, (time_s, -math.inf))
    if points[index][0] == time_s:
        return points[index][1]
    (t_a, v_a), (t_b, v_b) = points[index - 1], points[index]
    return v_a + (v_b - v_a) * (time_s - t_a) / (t_b - t_a)


def integral(points: Points, start_s: float, end_s: float) -> float | None:
    """Trapezoidal integral from `start_s` to `end_s`; None when the points do not cover the range."""
    first, last = value_at(points, start_s), value_at(points, end_s)
    if first is None or last is None:
        return None
    inner = [point for point in points if start_s < point[0] < end_s]
    path = [(start_s, first), *inner, (end_s, last)]
    return math.fsum((t_b - t_a) * (v_a + v_b) / 2 for (t_a, v_a), (t_b, v_b) in zip(path, path[1:]))


def instant_energy_j(log: PowerLog, sensor: Sensor, start_s: float, end_s: float) -> float | None:
    """Energy in J from instant power, corrected for the sensor's delay; None without samples over the whole range."""
    from_s, to_s = start_s + sensor.delay_s, end_s + sensor.delay_s
    return integral(log.between("instant_w", from_s, to_s), from_s, to_s)


def unwound_energy_j(log: PowerLog, idle_w: float, start_s: float, end_s: float) -> float | None:
    """Energy in J from the 1 s average: `C(t) = C(t - 1 s) + average(t) * 1 s`, back to a time with an idle GPU.

    Args:
        log: the samples.
        idle_w: power in W in the second before `start_s`.
        start_s: start of the work.
        end_s: end of the work.
    """
    delay_s = AVERAGE_PERIOD_S / 2
    steps = math.ceil((end_s - start_s) / AVERAGE_WINDOW_S)
    points = log.between("average_w", end_s - steps + delay_s, end_s + delay_s)
    readings = [value_at(points, end_s - step * AVERAGE_WINDOW_S + delay_s) for step in range(steps)]
    if any(reading is None for reading in readings):
        return None
    idle_s = start_s - (end_s - steps * AVERAGE_WINDOW_S)
    return math.fsum(reading for reading in readings if reading is not None) * AVERAGE_WINDOW_S - idle_w * idle_s


def mean_power_w(points: Points, start_s: float, end_s: float) -> float | None:
    """Mean in W of the readings from `start_s` to `end_s`; None when there is none."""
    inside = [value for time_s, value in points if start_s <= time_s <= end_s]
    return fmean(inside) if inside else None
