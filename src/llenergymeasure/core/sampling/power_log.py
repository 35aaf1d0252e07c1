"""The sampler's power and energy readings, in bounded memory. Times are on the host's monotonic clock."""

from __future__ import annotations

import math
import threading
from array import array
from bisect import bisect_left
from collections.abc import Sequence

QUANTITIES = ("energy_j", "average_w", "instant_w")
# Pairs of time in s and value, in order of time.
Points = Sequence[tuple[float, float]]


class PowerLog:
    """Samples of one GPU: time, energy counter, average and instant power. One thread writes and another reads.

    It holds `capacity` samples at full resolution. When full, the older half is averaged in pairs into a log of half the
    resolution, and so on. So days need a few times the memory of an hour, and recent samples keep full resolution.
    """

    def __init__(self, capacity: int = 32768) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._coarser: PowerLog | None = None
        # Seconds and joules grow for days and need doubles; 4 bytes hold the milliwatts that a power sensor resolves.
        self.columns = {name: array("f" if name.endswith("_w") else "d") for name in ("time", *QUANTITIES)}

    def __len__(self) -> int:
        return len(self.columns["time"]) + (len(self._coarser) if self._coarser else 0)

    @property
    def last_s(self) -> float | None:
        """Time of the newest sample; None before the first."""
        times = self.columns["time"]
        return times[-1] if times else None

    def add(self, time_s: float, **quantities: float | None) -> None:
        """Append a sample of `energy_j`, `average_w` and `instant_w`; None or absent = the device reported no value."""
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
