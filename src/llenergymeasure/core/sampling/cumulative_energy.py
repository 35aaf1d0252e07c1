"""A power sensor read as a counter: joules at the moments at which it updates.

```
 update   tau_a          |      |      |      tau_b
 ---------|-----[t0======|======|======|===t1]--|-------      E = C(tau_b) - C(tau_a), less what was drawn outside
          idle                                  idle
```

A reading that covers its whole period is a step of a counter: its joules lie between this update and the one before.
The 1 s average is a counter too: `C(t) = C(t - 1 s) + average(t) * 1 s`, unwound from a second before the work. Taken at
updates outside the window, the error that remains is what is not known of the power outside, not of the work.

The times of the updates are the regular grid that fits between the samples that showed a change.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev

from llenergymeasure.core.sampling.power_log import (
    AVERAGE_PERIOD_S,
    AVERAGE_WINDOW_S,
    Points,
    PowerLog,
    Sensor,
    regular_ticks,
    update_times,
)

# Time before a window that is looked at, and after it.
BEFORE_S, AFTER_S = 1.7, 0.6
# The sampler's log holds its newest quarter of an hour at full resolution; older updates cannot be told apart. In so
# long a window the edges no longer matter.
LONG_S = 600.0
# Time before a window in which idle power is watched for its variation.
UNREST_S = 1.6
# With fewer steps from update to update than this, idle power was hardly watched, and is assumed to differ by this share:
# a guess, until idle power was recorded on real GPUs.
FEW_STEPS, ASSUMED_UNREST = 3, 0.1
# For k = 2: Student's t for the dozen updates that the variation comes from is 2.2, but idle power is not normally
# distributed; with 2.8 at least 95 of 100 simulated windows are covered (benchmarks.accuracy).
FEW_K = 2.8
# The middle of a call stands for the moment of its reading.
SLACK_S = 0.001


@dataclass(frozen=True)
class Grid:
    """The regular moments at which a sensor updates: `first_s + k * period_s`, each known to `error_s`."""

    first_s: float
    period_s: float
    error_s: float

    def time_s(self, number: int) -> float:
        return self.first_s + number * self.period_s

    def last_before(self, time_s: float) -> int:
        """The last update that was surely over by then."""
        return math.floor((time_s - self.error_s - self.first_s) / self.period_s)


@dataclass(frozen=True)
class Outer:
    """Energy of a window by outer updates, with the error (k = 2) of what was taken off outside."""

    energy_j: float
    error_j: float


@dataclass(frozen=True)
class CumulativeEnergy:
    """Joules drawn until each update, from some moment on.

    Attributes:
        times_s: the updates.
        joules: until then.
        error_s: how far the times may be off, all alike.
        guessed_s: seconds of the series for which there was no reading.
        guess_j: how far the joules of those may be off (k = 2).
        lowest_w: the least power that was read.
        highest_w: the most.
        idle_variation_w: standard deviation of idle power from update to update, where the series itself does not show it.
    """

    times_s: Sequence[float]
    joules: Sequence[float]
    error_s: float
    guessed_s: float = 0.0
    guess_j: float = 0.0
    lowest_w: float = 0.0
    highest_w: float = 0.0
    idle_variation_w: float | None = None

    def power_w(self, number: int) -> float:
        """Mean power between an update and the one before."""
        return (self.joules[number] - self.joules[number - 1]) / (self.times_s[number] - self.times_s[number - 1])

    def outer(self, start_s: float, end_s: float) -> Outer | None:
        """Energy from start to end; None when there are not two updates on either side."""
        a = bisect_left(self.times_s, start_s - self.error_s) - 1
        b = bisect_left(self.times_s, end_s + self.error_s)
        if a < 1 or b + 1 >= len(self.times_s):
            return None
        before_s, after_s = start_s - self.times_s[a], self.times_s[b] - end_s
        before_w, after_w = self.power_w(a), self.power_w(b + 1)
        energy_j = self.joules[b] - self.joules[a] - before_w * before_s - after_w * after_s
        error_j = outside_error_j(self.variation_w(start_s), before_s, after_s, after_w - before_w)
        grid_j = 2 * self.error_s * (after_w - before_w) / math.sqrt(3)
        dating_j = 2 * SLACK_S * math.hypot(before_w, after_w) / math.sqrt(3)
        return Outer(energy_j, math.hypot(error_j, grid_j, dating_j))

    def within(self, start_s: float, end_s: float) -> CumulativeEnergy | None:
        """The cumulative energy of the window alone, from 0 J at its start to its energy at its end; None without outer updates."""
        found = self.outer(start_s, end_s)
        if found is None:
            return None
        a = bisect_left(self.times_s, start_s - self.error_s) - 1
        drawn_before_j = self.joules[a] + self.power_w(a) * (start_s - self.times_s[a])
        inside = [
            (time_s, min(max(joules - drawn_before_j, 0.0), found.energy_j))
            for time_s, joules in zip(self.times_s, self.joules)
            if start_s < time_s < end_s
        ]
        path = [(start_s, 0.0), *inside, (end_s, found.energy_j)]
        return CumulativeEnergy([time_s for time_s, _ in path], [joules for _, joules in path], self.error_s)

    def variation_w(self, start_s: float) -> float:
        """Standard deviation of power from update to update shortly before the window."""
        if self.idle_variation_w is not None:
            return self.idle_variation_w
        end = bisect_left(self.times_s, start_s - self.error_s)
        first = max(bisect_left(self.times_s, start_s - UNREST_S), 1)
        powers = [self.power_w(number) for number in range(first, end)]
        last_w = self.power_w(min(max(end - 1, 1), len(self.times_s) - 1))
        return variation_of([later - early for early, later in zip(powers, powers[1:])], last_w)

    def idle_spread_w(self, start_s: float) -> float | None:
        """Standard deviation of power in the second before the window; None where too few updates lie there."""
        end = bisect_left(self.times_s, start_s - self.error_s)
        first = max(bisect_left(self.times_s, start_s - AVERAGE_WINDOW_S), 1)
        return pstdev(self.power_w(number) for number in range(first, end)) if end - first > FEW_STEPS else None

    def at(self, time_s: float) -> float | None:
        """Joules until a moment, by a straight line between the updates; None outside them."""
        index = bisect_left(self.times_s, time_s)
        if not self.times_s or not self.times_s[0] <= time_s <= self.times_s[-1]:
            return None
        if index == 0:
            return self.joules[0]
        share = (time_s - self.times_s[index - 1]) / (self.times_s[index] - self.times_s[index - 1])
        return self.joules[index - 1] + share * (self.joules[index] - self.joules[index - 1])


def variation_of(steps_w: Sequence[float], power_w: float) -> float:
    """Standard deviation of power from the differences between two of them; with few of them a share of the power."""
    if len(steps_w) < FEW_STEPS:
        return ASSUMED_UNREST * power_w
    return math.sqrt(fmean(step_w * step_w for step_w in steps_w) / 2)


def outside_error_j(variation_w: float, before_s: float, after_s: float, drift_w: float) -> float:
    """Error (k = 2) of the joules that are taken off outside a window.

    The power there is taken from the update before or after it, which differs as idle power does (twice, as both vary),
    and after the work as it did not yet come back to what it was before.

    Args:
        variation_w: standard deviation of idle power from update to update.
        before_s: time taken off before the window.
        after_s: time taken off after it.
        drift_w: power after less power before.
    """
    return math.hypot(
        FEW_K * math.sqrt(2) * variation_w * math.hypot(before_s, after_s), drift_w * after_s / math.sqrt(3)
    )


def grid_of(points: Points, period_s: float) -> Grid | None:
    """The grid of a sensor's updates; None when it changes with nearly every sample, or keeps no regular time.

    Args:
        points: samples of the sensor.
        period_s: what is known of its kind; where that does not fit, what fits best.
    """
    seen = [(a - SLACK_S, b + SLACK_S) for (a, v_a), (b, v_b) in zip(points, points[1:]) if v_b != v_a]
    if len(points) < 2 or len(seen) > 0.9 * (len(points) - 1):
        return None
    if not seen:
        return Grid(points[0][0], period_s, period_s / 2)
    return _common_grid(seen, period_s) or _common_grid(seen, _fitted_period_s(seen))


def _common_grid(seen: Sequence[tuple[float, float]], period_s: float) -> Grid | None:
    """The grid that has an update in every one of these intervals; None when there is none."""
    low, high = seen[0]
    for before, after in seen[1:]:
        turns = round(((before + after) - (low + high)) / 2 / period_s)
        low, high = max(low, before - turns * period_s), min(high, after - turns * period_s)
        if low > high:
            return None
    return Grid((low + high) / 2, period_s, (high - low) / 2)


def _fitted_period_s(seen: Sequence[tuple[float, float]]) -> float:
    ticks = regular_ticks([(before + after) / 2 for before, after in seen])
    span_s, gap_s = ticks[-1] - ticks[0], median(b - a for a, b in zip(ticks, ticks[1:]))
    return span_s / round(span_s / gap_s)


def readings_on(grid: Grid, points: Points, first: int, last: int) -> list[float | None]:
    """What the sensor showed after each update from `first` to `last`: the sample nearest to the middle until the next."""
    times = [time_s for time_s, _ in points]
    found: list[float | None] = []
    for number in range(first, last + 1):
        middle_s = grid.time_s(number) + grid.period_s / 2
        index = bisect_left(times, middle_s)
        near = min(range(max(index - 1, 0), min(index + 1, len(times))), key=lambda i: abs(times[i] - middle_s))
        found.append(points[near][1] if abs(times[near] - middle_s) < grid.period_s / 2 else None)
    return found


def from_instant_power(log: PowerLog, sensor: Sensor, start_s: float, end_s: float) -> CumulativeEnergy | None:
    """The cumulative energy of instant power, each reading standing for its period; None when it cannot be told."""
    points = log.between("instant_w", start_s - BEFORE_S, end_s + AFTER_S)
    grid = grid_of(points, sensor.period_s)
    if grid is None:
        return None
    first, last = math.ceil((points[0][0] - grid.first_s) / grid.period_s), grid.last_before(points[-1][0])
    shown = readings_on(grid, points, first, last)
    powers, guessed_s, guess_j = _filled(shown, grid.period_s)
    if not powers:
        return None
    joules = [0.0]
    for power_w in powers[1:]:
        joules.append(joules[-1] + power_w * grid.period_s)
    times = [grid.time_s(number) for number in range(first, first + len(powers))]
    return CumulativeEnergy(times, joules, grid.error_s, guessed_s, guess_j, min(powers), max(powers))


def from_average_power(
    log: PowerLog, start_s: float, end_s: float, idle_spread_w: float | None = None
) -> CumulativeEnergy | None:
    """The cumulative energy of the 1 s average, unwound from the second before the window; None when it cannot be told.

    That second is taken as evenly spent. How much it was not, instant power tells. Without it the steps of the average do,
    each of which is the difference of two powers one second apart, divided by the updates in a second: work that ended up
    to two seconds before the window shows in them, too.

    Args:
        log: the samples.
        start_s: start of the work.
        end_s: end of the work.
        idle_spread_w: standard deviation of instant power in the second before the window; None when not known.
    """
    points = log.between("average_w", start_s - BEFORE_S, end_s + AFTER_S)
    grid = grid_of(points, AVERAGE_PERIOD_S)
    if grid is None:
        return None
    per_window = round(AVERAGE_WINDOW_S / grid.period_s)
    idle, last = grid.last_before(start_s), grid.last_before(points[-1][0])
    shown = readings_on(grid, points, idle, last)
    if shown[:1] in ([], [None]):
        return None
    powers, guessed_s, guess_j = _filled(shown, grid.period_s)
    joules = [powers[0] * grid.period_s * number for number in range(1 - per_window, 1)]
    for number, power_w in enumerate(powers[1:]):
        joules.append(joules[number] + power_w * AVERAGE_WINDOW_S)
    earlier = [one for one in readings_on(grid, points, idle + 1 - per_window, idle) if one is not None]
    stepwise_w = variation_of([per_window * (later - early) for early, later in zip(earlier, earlier[1:])], powers[0])
    variation_w, k = (stepwise_w, FEW_K) if idle_spread_w is None else (idle_spread_w, 2.0)
    uneven_j = k * variation_w * grid.period_s * math.sqrt(per_window / 2)
    return CumulativeEnergy(
        [grid.time_s(number) for number in range(idle + 1 - per_window, idle + len(powers))],
        joules,
        grid.error_s,
        guessed_s,
        math.hypot(guess_j, uneven_j),
        min(powers),
        max(powers),
        variation_w,
    )


def from_counter(log: PowerLog, start_s: float, end_s: float) -> CumulativeEnergy | None:
    """The cumulative energy of the energy counter as the sampler saw it; None when it was not seen to tick on either side."""
    points = log.between("energy_j", start_s - BEFORE_S, end_s + AFTER_S)
    ticks = update_times(points)
    if len(ticks) < 2 or any(late < early for (_, early), (_, late) in zip(ticks, ticks[1:])):
        return None
    gaps = [after - before for (before, _), (after, _) in zip(points, points[1:])]
    return CumulativeEnergy(
        [time_s for time_s, _ in ticks], [joules for _, joules in ticks], sorted(gaps)[len(gaps) // 2] / 2
    )


def _filled(shown: Sequence[float | None], period_s: float) -> tuple[list[float], float, float]:
    """Readings with those that are missing put on a line between the readings beside them, their seconds and their error (k = 2).

    Missing readings at the ends are left out.
    """
    known = [index for index, value in enumerate(shown) if value is not None]
    if not known:
        return [], 0.0, 0.0
    filled: list[float] = []
    values = [value for value in shown if value is not None]
    for index in range(known[-1] + 1):
        value = shown[index]
        if value is None and index > known[0]:
            place = bisect_left(known, index)
            left, right = known[place - 1], known[place]
            value = filled[left] + (index - left) / (right - left) * (values[place] - filled[left])
        filled.append(values[0] if value is None else value)
    missing_s = (known[-1] + 1 - len(known)) * period_s
    return filled, missing_s, 2 * missing_s * (max(values) - min(values)) / math.sqrt(12)
