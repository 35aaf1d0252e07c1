"""Finds the regular update times of a sensor from the samples in which its value changed."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from llenergymeasure.core.sampling.power_log import Points
from llenergymeasure.core.sampling.updates import regular_ticks

# Uncertainty in s of a reading's time, which is taken as the middle of its call.
SLACK_S = 0.001


@dataclass(frozen=True)
class Grid:
    """Regular update times of a sensor: `first_s + k * period_s`, each with the error `error_s`."""

    first_s: float
    period_s: float
    error_s: float

    def time_s(self, number: int) -> float:
        return self.first_s + number * self.period_s

    def last_before(self, time_s: float) -> int:
        """Number of the last update that certainly happened before a time."""
        return math.floor((time_s - self.error_s - self.first_s) / self.period_s)


def grid_of(points: Points, period_s: float) -> Grid | None:
    """The grid of a sensor's updates; None when it changes with nearly every sample, or updates irregularly.

    Args:
        points: samples of the sensor.
        period_s: known period of this kind of sensor; where it does not fit the samples, the best-fitting period is used.
    """
    seen = [(a - SLACK_S, b + SLACK_S) for (a, v_a), (b, v_b) in zip(points, points[1:]) if v_b != v_a]
    if len(points) < 2 or len(seen) > 0.9 * (len(points) - 1):
        return None
    if not seen:
        return Grid(points[0][0], period_s, period_s / 2)
    return _common_grid(seen, period_s) or _common_grid(seen, _fitted_period_s(seen))


def _common_grid(seen: Sequence[tuple[float, float]], period_s: float) -> Grid | None:
    """The grid with an update in each of these intervals; None when there is none."""
    low, high = seen[0]
    for before, after in seen[1:]:
        turns = round(((before + after) - (low + high)) / 2 / period_s)
        low, high = max(low, before - turns * period_s), min(high, after - turns * period_s)
        if low > high:
            return None
    return Grid((low + high) / 2, period_s, (high - low) / 2)


def _fitted_period_s(seen: Sequence[tuple[float, float]]) -> float:
    ticks = regular_ticks([(before + after) / 2 for before, after in seen])
    return median(after - before for before, after in zip(ticks, ticks[1:]))


def readings_on(grid: Grid, points: Points, first: int, last: int) -> list[float | None]:
    """The reading after each update from `first` to `last`: the sample nearest to the middle of the period after it."""
    times = [time_s for time_s, _ in points]
    found: list[float | None] = []
    for number in range(first, last + 1):
        middle_s = grid.time_s(number) + grid.period_s / 2
        index = bisect_left(times, middle_s)
        near = min(range(max(index - 1, 0), min(index + 1, len(times))), key=lambda i: abs(times[i] - middle_s))
        found.append(points[near][1] if abs(times[near] - middle_s) < grid.period_s / 2 else None)
    return found
