"""Computes cumulative energy in J from each sensor that the sampler reads.

Instant power: a reading that covers its whole period gives the energy between this update and the one before. Average
power over 1 s: `C(t) = C(t - 1 s) + average(t) * 1 s`, computed from one second before the work. Energy counter: its own
readings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median

from llenergymeasure.core.sampling.cumulative_energy import FEW_K, CumulativeEnergy, variation_of
from llenergymeasure.core.sampling.grid import grid_of, readings_on
from llenergymeasure.core.sampling.power_integral import value_at
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.core.sampling.power_sensors import AVERAGE_PERIOD_S, AVERAGE_WINDOW_S, Sensor
from llenergymeasure.core.sampling.updates import update_times

# Time before and after a window from which samples are used.
BEFORE_S, AFTER_S = 1.7, 0.6
# The sampler's log holds the latest quarter of an hour at full resolution; older updates are no longer distinguishable.
# In so long a window the error at the edges is negligible.
LONG_S = 600.0


@dataclass(frozen=True)
class _Readings:
    """One power in W per update, with the error (k = 2) in J of interpolated readings."""

    powers_w: list[float]
    error_j: float


def from_instant_power(log: PowerLog, sensor: Sensor, start_s: float, end_s: float) -> CumulativeEnergy | None:
    """Cumulative energy from instant power, each reading valid for its period; None when its updates are not found."""
    points = log.between("instant_w", start_s - BEFORE_S, end_s + AFTER_S)
    grid = grid_of(points, sensor.period_s)
    if grid is None:
        return None
    first, last = math.ceil((points[0][0] - grid.first_s) / grid.period_s), grid.last_before(points[-1][0])
    readings = _without_gaps(readings_on(grid, points, first, last), grid.period_s)
    if readings is None:
        return None
    return CumulativeEnergy(
        times_s=[grid.time_s(first + number) for number in range(len(readings.powers_w))],
        joules=list(accumulate((power_w * grid.period_s for power_w in readings.powers_w[1:]), initial=0.0)),
        error_s=grid.error_s,
        assumed_error_j=readings.error_j,
    )


def from_average_power(
    log: PowerLog, start_s: float, end_s: float, idle_spread_w: float | None = None
) -> CumulativeEnergy | None:
    """Cumulative energy from the 1 s average, from the second before the window; None when its updates are not found.

    Power in that second is assumed to be constant. Its variation is taken from instant power, or without instant power
    from the differences of the average.

    Args:
        log: the samples.
        start_s: start of the work.
        end_s: end of the work.
        idle_spread_w: standard deviation in W of instant power in the second before the window; None when not known.
    """
    points = log.between("average_w", start_s - BEFORE_S, end_s + AFTER_S)
    grid = grid_of(points, AVERAGE_PERIOD_S)
    if grid is None:
        return None
    idle, last = grid.last_before(start_s), grid.last_before(points[-1][0])
    shown = readings_on(grid, points, idle, last)
    readings = _without_gaps(shown, grid.period_s)
    if readings is None or shown[0] is None:
        return None
    per_window = round(AVERAGE_WINDOW_S / grid.period_s)
    first = idle + 1 - per_window
    stepwise_w = _stepwise_variation_w(readings_on(grid, points, first, idle), per_window)
    variation_w, k = (stepwise_w, FEW_K) if idle_spread_w is None else (idle_spread_w, 2.0)
    joules = _unwound(readings.powers_w, grid.period_s, per_window)
    return CumulativeEnergy(
        times_s=[grid.time_s(first + number) for number in range(len(joules))],
        joules=joules,
        error_s=grid.error_s,
        assumed_error_j=math.hypot(
            readings.error_j,
            k * variation_w * grid.period_s * math.sqrt(per_window / 2),  # of the constant power in the first second
        ),
        idle_variation_w=variation_w,
    )


def _unwound(averages_w: Sequence[float], period_s: float, per_window: int) -> list[float]:
    """Cumulative energy in J: constant power in the first second, then `C(t) = C(t - 1 s) + average(t) * 1 s`."""
    joules = [averages_w[0] * period_s * number for number in range(1 - per_window, 1)]
    for number, average_w in enumerate(averages_w[1:]):
        joules.append(joules[number] + average_w * AVERAGE_WINDOW_S)
    return joules


def _stepwise_variation_w(averages_w: Sequence[float | None], per_window: int) -> float:
    """Standard deviation in W of power in the second before the last of these averages, from their differences.

    Each difference equals that of two powers one second apart, divided by the updates in a second. So work that ended up
    to two seconds before the window also affects it.
    """
    known = [average_w for average_w in averages_w if average_w is not None]
    return variation_of([per_window * (later - early) for early, later in zip(known, known[1:])], known[-1])


def from_counter(log: PowerLog, start_s: float, end_s: float) -> CumulativeEnergy | None:
    """Cumulative energy from the sampled energy counter; None with fewer than two updates, or after a reset."""
    points = log.between("energy_j", start_s - BEFORE_S, end_s + AFTER_S)
    ticks = update_times(points)
    if len(ticks) < 2 or any(late < early for (_, early), (_, late) in zip(ticks, ticks[1:])):
        return None
    gap_s = median(after - before for (before, _), (after, _) in zip(points, points[1:]))
    return CumulativeEnergy([time_s for time_s, _ in ticks], [joules for _, joules in ticks], error_s=gap_s / 2)


def _without_gaps(shown: Sequence[float | None], period_s: float) -> _Readings | None:
    """Readings with missing ones interpolated linearly; None without any reading.

    Missing readings before the first take its value; missing readings after the last are left out.
    """
    known = [(index, value) for index, value in enumerate(shown) if value is not None]
    if not known:
        return None
    lines = (value_at(known, max(index, known[0][0])) for index in range(known[-1][0] + 1))
    powers_w = [power_w for power_w in lines if power_w is not None]
    missing_s = (len(powers_w) - len(known)) * period_s
    values = [value for _, value in known]
    return _Readings(powers_w, 2 * missing_s * (max(values) - min(values)) / math.sqrt(12))
