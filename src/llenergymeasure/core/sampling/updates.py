"""Finds the updates of a sensor or counter in its samples, and the energy between them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import linear_regression, median

from llenergymeasure.core.sampling.power_log import Points, PowerLog
from llenergymeasure.core.sampling.power_sensors import AVERAGE_PERIOD_S
from llenergymeasure.records import EnergyStep

# More than three of the slowest observed ticks of a counter (100 ms), plus the possible delay of the sampler.
STALE_S = 0.5


def tick_times(points: Points) -> list[float]:
    """Times at which a reading differed from the one before: the observed updates of a sensor or counter."""
    return [t_b for (_, v_a), (t_b, v_b) in zip(points, points[1:]) if v_b != v_a]


def updates_within(log: PowerLog, quantity: str, start_s: float, end_s: float) -> list[float]:
    """Times of the observed updates of a quantity from `start_s` to `end_s`."""
    return [time_s for time_s in tick_times(log.between(quantity, start_s, end_s)) if start_s <= time_s <= end_s]


def updates_of(devices: Sequence[Sequence[float]]) -> tuple[int, float | None]:
    """Updates of the device with the fewest, and the median time in s between two; None when no device had two."""
    gaps = [after - before for times in devices for before, after in zip(times, times[1:])]
    return min(map(len, devices)), median(gaps) if gaps else None


def longest_standstill_s(points: Points) -> float:
    """Longest time in s over which samples showed the same value, from the first to the last equal sample."""
    longest_s = 0.0
    since_s, shown = points[0] if points else (0.0, 0.0)
    for time_s, value in points:
        if value != shown:
            since_s, shown = time_s, value
        longest_s = max(longest_s, time_s - since_s)
    return longest_s


def energy_steps(log: PowerLog, start_s: float, end_s: float) -> tuple[EnergyStep, ...]:
    """Energy in J between the updates of a device's sensor that lie inside the window.

    It is taken from the counter, else from instant power, each reading valid for the period before it. There is no step
    where updates were missed in between.
    """
    margin_s = 2 * AVERAGE_PERIOD_S
    by_counter = log.between("energy_j", start_s - margin_s, end_s + margin_s)
    points = by_counter or log.between("instant_w", start_s - margin_s, end_s + margin_s)
    updates = update_times(points)
    if len(updates) < 2:
        return ()
    longest_s = 1.5 * median(after - before for (before, _), (after, _) in zip(updates, updates[1:]))
    return tuple(
        EnergyStep(t_a, t_b, v_b - v_a if by_counter else v_b * (t_b - t_a))
        for (t_a, v_a), (t_b, v_b) in zip(updates, updates[1:])
        if start_s <= t_a and t_b <= end_s and t_b - t_a <= longest_s
    )


def update_times(points: Points) -> list[tuple[float, float]]:
    """Each update with its estimated time and its value.

    An update lies between the sample that showed it and the one before. Where all updates fit a regular tick, the tick
    gives a much smaller error than half a sampling interval. A sensor that changes with every sample updates faster than
    it is sampled; its samples are then used directly.
    """
    seen = [(before, after, value) for (before, v_a), (after, value) in zip(points, points[1:]) if value != v_a]
    if len(seen) > 0.9 * (len(points) - 1):
        return [(after, value) for _, after, value in seen]
    middles = [(before + after) / 2 for before, after, _ in seen]
    ticks = regular_ticks(middles)
    fits = all(
        abs(2 * tick - before - after) <= 1.5 * (after - before) for tick, (before, after, _) in zip(ticks, seen)
    )
    return list(zip(ticks if fits else middles, (value for _, _, value in seen)))


def regular_ticks(times_s: Sequence[float]) -> list[float]:
    """Regular tick times fitted to inexact times by least squares; ticks may be missing."""
    if len(times_s) < 3:
        return list(times_s)
    period_s = median(after - before for before, after in zip(times_s, times_s[1:]))
    numbers = [0]
    for before, after in zip(times_s, times_s[1:]):
        numbers.append(numbers[-1] + max(round((after - before) / period_s), 1))
    period_s, first_s = linear_regression(numbers, times_s)
    return [first_s + number * period_s for number in numbers]
