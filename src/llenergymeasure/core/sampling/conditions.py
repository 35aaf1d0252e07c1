"""Temperature, clock, utilisation and memory of one GPU over time, and the throttling derived from them."""

from __future__ import annotations

import math
import threading
from array import array
from bisect import bisect_left, bisect_right

from llenergymeasure.core.nvml.gpu import ConditionReading
from llenergymeasure.domain.sensors import GpuConditions, ThermalThrottleInfo

# nvml.h: clock event reasons that reduce clocks.
SW_POWER_CAP = 0x4
SW_THERMAL = 0x20
HW_THERMAL = 0x40
HW_POWER_BRAKE = 0x80
THROTTLING = SW_POWER_CAP | SW_THERMAL | HW_THERMAL | HW_POWER_BRAKE

COLUMNS = ("temperature_c", "memory_used_mb", "memory_total_mb", "utilisation_pct", "clock_mhz", "reasons")


class ConditionLog:
    """Readings in columns; NaN where the device reported no value. When full, every second reading is dropped.

    One thread writes and another reads.
    """

    def __init__(self, capacity: int = 32768) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self.times = array("d")
        self.columns = {name: array("d") for name in COLUMNS}

    def add(self, time_s: float, reading: ConditionReading) -> None:
        """Append a reading."""
        with self._lock:
            self.times.append(time_s)
            for name, column in self.columns.items():
                value = getattr(reading, name)
                column.append(math.nan if value is None else value)
            if len(self.times) >= self._capacity:
                for column in (self.times, *self.columns.values()):
                    del column[: len(column) // 2 * 2 : 2]

    def inside(self, name: str, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Time and value of the readings from `start_s` to `end_s`, without missing values."""
        with self._lock:
            inside = slice(bisect_left(self.times, start_s), bisect_right(self.times, end_s))
            found = zip(self.times[inside], self.columns[name][inside])
        return [(time_s, value) for time_s, value in found if not math.isnan(value)]

    def latest(self, name: str, time_s: float) -> float | None:
        """The last value reported until `time_s`; None when there is none."""
        with self._lock:
            column = self.columns[name]
            newest_first = range(bisect_right(self.times, time_s) - 1, -1, -1)
            return next((column[i] for i in newest_first if not math.isnan(column[i])), None)


def conditions_of(gpu_index: int, log: ConditionLog, start_s: float, end_s: float) -> GpuConditions:
    """Temperature and SM clock of a GPU from `start_s` to `end_s`."""
    temperatures = [value for _, value in log.inside("temperature_c", start_s, end_s)]
    clocks = [value for _, value in log.inside("clock_mhz", start_s, end_s)]
    return GpuConditions(
        gpu_index=gpu_index,
        temperature_start_c=log.latest("temperature_c", start_s),
        temperature_end_c=log.latest("temperature_c", end_s),
        temperature_max_c=max(temperatures, default=None),
        clock_min_mhz=min(clocks, default=None),
        clock_mean_mhz=math.fsum(clocks) / len(clocks) if clocks else None,
        clock_max_mhz=max(clocks, default=None),
    )


def throttling_of(logs: list[ConditionLog], start_s: float, end_s: float) -> ThermalThrottleInfo | None:
    """Throttling from `start_s` to `end_s` on any GPU; None when none throttled and some GPU reported no reasons."""
    readings = [_in_force(log, start_s, end_s) for log in logs]
    bits = 0
    for _, value in (pair for reported in readings for pair in reported):
        bits |= int(value)
    if not bits & THROTTLING and not all(readings):
        return None
    temperatures = [value for log in logs for _, value in log.inside("temperature_c", start_s, end_s)]
    return ThermalThrottleInfo(
        detected=bool(bits & THROTTLING),
        thermal=bool(bits & (SW_THERMAL | HW_THERMAL)),
        power=bool(bits & (SW_POWER_CAP | HW_POWER_BRAKE)),
        sw_thermal=bool(bits & SW_THERMAL),
        hw_thermal=bool(bits & HW_THERMAL),
        hw_power=bool(bits & HW_POWER_BRAKE),
        throttle_duration_sec=max(_throttled_seconds(reported, end_s) for reported in readings),
        max_temperature_c=max(temperatures, default=None),
        throttle_timestamps=tuple(
            sorted(
                {
                    round(time_s - start_s, 3)
                    for reported in readings
                    for time_s, value in reported
                    if int(value) & THROTTLING
                }
            )
        ),
    )


def _in_force(log: ConditionLog, start_s: float, end_s: float) -> list[tuple[float, float]]:
    """Throttle reasons reported in the window, after the last ones before it; empty when none were reported in it."""
    reported, before = log.inside("reasons", start_s, end_s), log.latest("reasons", start_s)
    starts_later = bool(reported) and reported[0][0] > start_s
    return [(start_s, before), *reported] if starts_later and before is not None else reported


def _throttled_seconds(reported: list[tuple[float, float]], end_s: float) -> float:
    """Seconds with a throttle reason; each reading is valid until the next one."""
    edges = [*(time_s for time_s, _ in reported[1:]), end_s]
    return math.fsum(edge - time_s for (time_s, value), edge in zip(reported, edges) if int(value) & THROTTLING)
