"""What the sampler saw, in bounded memory, and what can be read off it.

Times are on the host's monotonic clock. A sensor's value is old when it is read: half of its update period on
average, and it looks back over its window. `Sensor.delay_s` says how old the middle of what it saw is, so that an
integral over the work is taken over the readings that came that much later.

Sensor models: nvml.h and "Part-time Power Measurements" (Yang et al., arXiv 2312.02741).
"""

from __future__ import annotations

import math
import threading
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression, median

from llenergymeasure.protocols import EnergyStep

AVERAGE_WINDOW_S = 1.0
QUANTITIES = ("energy_j", "average_w", "instant_w")


@dataclass(frozen=True)
class Sensor:
    """How a power sensor behaves.

    Attributes:
        period_s: time between updates.
        window_s: how far back each update looks.
    """

    period_s: float
    window_s: float

    @property
    def delay_s(self) -> float:
        """Age of the middle of what a reading shows, on average."""
        return (self.period_s + self.window_s) / 2

    @property
    def is_partial(self) -> bool:
        """Whether the sensor sleeps between its looks."""
        return self.window_s < self.period_s


INSTANT_SENSORS = {
    "hopper": Sensor(0.100, 0.025),
    "a100": Sensor(0.100, 0.025),
    "ampere": Sensor(0.100, 0.100),
    "ada": Sensor(0.100, 0.100),
    "turing": Sensor(0.100, 0.100),
    "volta": Sensor(0.020, 0.010),
    "pascal": Sensor(0.020, 0.010),
}
UNKNOWN_SENSOR = Sensor(0.100, 0.100)
AVERAGE_PERIOD_S = 0.100


def instant_sensor(architecture: str, name: str) -> Sensor:
    """The instant power sensor of a GPU."""
    return INSTANT_SENSORS.get("a100" if "A100" in name else architecture, UNKNOWN_SENSOR)


class PowerLog:
    """Samples of one GPU: time, energy counter, averaged and instant power. Written by one thread, read by another.

    Holds `capacity` samples at full resolution. When full, the older half moves in pairs to a log of half the
    resolution, and so on: days cost a few times the memory of an hour, and the recent past is never thinned.
    """

    def __init__(self, capacity: int = 32768) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._coarser: PowerLog | None = None
        # Seconds and joules grow for days and need doubles; a power sensor tells milliwatts at most, in 4 bytes.
        self.columns = {name: array("f" if name.endswith("_w") else "d") for name in ("time", *QUANTITIES)}

    def __len__(self) -> int:
        return len(self.columns["time"]) + (len(self._coarser) if self._coarser else 0)

    @property
    def last_s(self) -> float | None:
        """Time of the newest sample; None before the first."""
        times = self.columns["time"]
        return times[-1] if times else None

    def add(self, time_s: float, **quantities: float | None) -> None:
        """Append a sample of `energy_j`, `average_w` and `instant_w`; what is None or left out was not told."""
        with self._lock:
            self.columns["time"].append(time_s)
            for name in QUANTITIES:
                value = quantities.get(name)
                self.columns[name].append(math.nan if value is None else value)
            if len(self.columns["time"]) >= self._capacity:
                self._move_older_half()

    def _move_older_half(self) -> None:
        self._coarser = self._coarser or PowerLog(self._capacity)
        half = self._capacity // 4 * 2
        for index in range(0, half, 2):
            pair = {name: (column[index] + column[index + 1]) / 2 for name, column in self.columns.items()}
            self._coarser.add(pair.pop("time"), **pair)
        for column in self.columns.values():
            del column[:half]

    def between(self, quantity: str, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Readings of a quantity from the last one before `start_s` to the first one after `end_s`."""
        with self._lock:
            times, values = self.columns["time"], self.columns[quantity]
            first = max(bisect_left(times, start_s) - 1, 0)
            last = min(bisect_left(times, end_s) + 1, len(times))
            own = [(times[i], values[i]) for i in range(first, last) if not math.isnan(values[i])]
            older = self._coarser if self._coarser is not None and first == 0 else None
        return [*older.between(quantity, start_s, end_s), *own] if older else own

    def times(self, start_s: float, end_s: float) -> list[float]:
        """Times of the samples from `start_s` to `end_s`."""
        with self._lock:
            times = self.columns["time"]
            own = list(times[bisect_left(times, start_s) : bisect_left(times, end_s)])
            older = self._coarser
        return [*older.times(start_s, end_s), *own] if older else own


Points = Sequence[tuple[float, float]]


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
    """Trapezoids from `start_s` to `end_s`; None when the points do not cover it."""
    first, last = value_at(points, start_s), value_at(points, end_s)
    if first is None or last is None:
        return None
    inner = [point for point in points if start_s < point[0] < end_s]
    path = [(start_s, first), *inner, (end_s, last)]
    return math.fsum((t_b - t_a) * (v_a + v_b) / 2 for (t_a, v_a), (t_b, v_b) in zip(path, path[1:]))


def instant_energy_j(log: PowerLog, sensor: Sensor, start_s: float, end_s: float) -> float | None:
    """Energy from instant power, each reading standing for what the sensor saw before it."""
    from_s, to_s = start_s + sensor.delay_s, end_s + sensor.delay_s
    return integral(log.between("instant_w", from_s, to_s), from_s, to_s)


def unwound_energy_j(log: PowerLog, idle_w: float, start_s: float, end_s: float) -> float | None:
    """Energy from the 1 s average: `C(t) = C(t - 1 s) + average(t)`, back to a time at which the GPU was idle.

    Args:
        log: the samples.
        idle_w: power in the second before `start_s`.
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
    """Mean of the readings taken from `start_s` to `end_s`; None when there is none."""
    inside = [value for time_s, value in points if start_s <= time_s <= end_s]
    return math.fsum(inside) / len(inside) if inside else None


def tick_times(points: Points) -> list[float]:
    """When a reading differed from the one before it: the moments a sensor or counter was seen to update."""
    return [t_b for (_, v_a), (t_b, v_b) in zip(points, points[1:]) if v_b != v_a]


def updates_within(log: PowerLog, quantity: str, start_s: float, end_s: float) -> list[float]:
    """When a quantity was seen to update from `start_s` to `end_s`."""
    return [time_s for time_s in tick_times(log.between(quantity, start_s, end_s)) if start_s <= time_s <= end_s]


def updates_of(devices: Sequence[Sequence[float]]) -> tuple[int, float | None]:
    """Updates of the device that was seen to update least, and the median time between two; None where none had two."""
    gaps = [after - before for times in devices for before, after in zip(times, times[1:])]
    return min(map(len, devices)), median(gaps) if gaps else None


def longest_standstill_s(points: Points) -> float:
    """Longest time in which samples showed the same value; what went by between two different samples does not count."""
    longest_s = 0.0
    since_s, shown = points[0] if points else (0.0, 0.0)
    for time_s, value in points:
        if value != shown:
            since_s, shown = time_s, value
        longest_s = max(longest_s, time_s - since_s)
    return longest_s


def energy_steps(log: PowerLog, start_s: float, end_s: float) -> tuple[EnergyStep, ...]:
    """Joules between the updates of a device's sensor, those that lie inside the window.

    By the counter; without one by instant power, each reading standing for the period before it. Where updates were
    missed in between, there is no step.
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
    """Each update with its value, at the best guess of its time.

    An update lies between the sample that showed it and the one before. Where that fits a regular tick, the tick tells
    its time far better than half a sample; a sensor that changes with every sample ticks faster than it is sampled.
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
    """The regular tick closest to times that are each off by a little, by least squares; ticks may be missing."""
    if len(times_s) < 3:
        return list(times_s)
    period_s = median(after - before for before, after in zip(times_s, times_s[1:]))
    numbers = [0]
    for before, after in zip(times_s, times_s[1:]):
        numbers.append(numbers[-1] + max(round((after - before) / period_s), 1))
    period_s, first_s = linear_regression(numbers, times_s)
    return [first_s + number * period_s for number in numbers]
