"""Energy in J from the power sensors. The first of these methods is used whose error is at most twice the smallest.

1. Instant power of a sensor that measures continuously, between updates outside the window, minus the idle energy there.
2. The 1 s average, converted to cumulative energy, between its updates in the same way.
3. Instant power of a sensor that measures a part of each period, as 1.
4. Where updates are not distinguishable (a sensor faster than the sampler, a log too old): the integral of readings,
   corrected for the sensor's delay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from llenergymeasure.core.energy.device_energy import DeviceEnergy
from llenergymeasure.core.energy.uncertainty import GAIN
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.core.sampling.cumulative_energy import CumulativeEnergy
from llenergymeasure.core.sampling.energy_from_sensors import (
    AFTER_S,
    BEFORE_S,
    LONG_S,
    from_average_power,
    from_instant_power,
)
from llenergymeasure.core.sampling.power_integral import instant_energy_j, mean_power_w, unwound_energy_j
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.core.sampling.power_sensors import AVERAGE_PERIOD_S, AVERAGE_WINDOW_S, Sensor, instant_sensor

# Time before the work over which the 1 s average is taken as idle power.
IDLE_S = 0.3
# In a long window the log keeps means of its older samples, but more of them than this.
THINNED = 1000
# Errors are estimates themselves, so the smallest may be the most optimistic. Errors within this factor count as equal.
AS_CERTAIN = 2.0


def by_power(gpu: Gpu, log: PowerLog, interval_s: float, start_s: float, end_s: float) -> DeviceEnergy | None:
    """The best energy of a window, with the next best as its cross-check; None when no sensor covers the window.

    Args:
        gpu: the device.
        log: the sampler's readings of this GPU.
        interval_s: time between samples in s.
        start_s: start of the work in s.
        end_s: end of the work in s.
    """
    window = _Window(log, instant_sensor(gpu.architecture, gpu.name), interval_s, start_s, end_s)
    found = window.by_updates() if end_s - start_s <= LONG_S else []
    if len(found) < 2:
        found += window.by_integral()
    if not found:
        return None
    least_j = min(one.own_error_j for one in found)
    best = next(one for one in found if one.own_error_j <= AS_CERTAIN * least_j)
    others = [one for one in found if one is not best]
    return replace(best, crosscheck=min(others, key=lambda one: one.own_error_j, default=None))


class _Window:
    """A window of one GPU with the readings of its power sensors."""

    def __init__(self, log: PowerLog, sensor: Sensor, interval_s: float, start_s: float, end_s: float) -> None:
        self._log, self._sensor, self._interval_s = log, sensor, interval_s
        self._start_s, self._end_s, self._duration_s = start_s, end_s, end_s - start_s
        half_s = self._duration_s / 2
        self._instant_was_read = self._unread_s("instant_w", sensor.period_s, sensor.window_s) <= half_s
        self._average_was_read = self._unread_s("average_w", AVERAGE_PERIOD_S, AVERAGE_WINDOW_S) <= half_s

    def _unread_s(self, quantity: str, period_s: float, shown_s: float) -> float:
        """Seconds of the window in gaps between readings, minus `shown_s` that the reading after each gap covers."""
        usual_s = max(period_s, self._interval_s)
        longest_s = max(2 * usual_s, self._duration_s / THINNED)
        points = self._log.between(quantity, self._start_s, self._end_s)
        gaps = ((before, after) for (before, _), (after, _) in zip(points, points[1:]) if after - before > longest_s)
        unread = (min(after - shown_s, self._end_s) - max(before, self._start_s) for before, after in gaps)
        return math.fsum(max(seconds, 0.0) for seconds in unread)

    def by_updates(self) -> list[DeviceEnergy]:
        """Energies between updates of the sensors, in the order of preference."""
        cumulative = from_instant_power(self._log, self._sensor, self._start_s, self._end_s)
        instant = self._outer(cumulative) if self._instant_was_read else None
        if instant is not None:
            instant = self._with_aliasing(instant, self._sensor)
        idle_w = cumulative.idle_spread_w(self._start_s) if cumulative is not None else None
        unwound = from_average_power(self._log, self._start_s, self._end_s, idle_w)
        average = self._outer(unwound) if self._average_was_read else None
        in_order = (average, instant) if self._sensor.is_partial else (instant, average)
        return [found for found in in_order if found is not None]

    def _outer(self, cumulative: CumulativeEnergy | None) -> DeviceEnergy | None:
        outer = cumulative.outer(self._start_s, self._end_s) if cumulative is not None else None
        if cumulative is None or outer is None:
            return None
        parts = {"gain": GAIN * abs(outer.energy_j), "edges": outer.error_j}
        if cumulative.assumed_error_j:
            parts["gaps"] = cumulative.assumed_error_j
        return DeviceEnergy(outer.energy_j, "sampled", parts)

    def by_integral(self) -> Iterator[DeviceEnergy]:
        """Energies from the integral of readings, corrected for the sensor's delay."""
        instant_j = instant_energy_j(self._log, self._sensor, self._start_s, self._end_s)
        if instant_j is not None and self._instant_was_read:
            # Updates between two samples are missed, so the sampling interval limits the period.
            seen = Sensor(max(self._sensor.period_s, self._interval_s), self._sensor.window_s)
            yield self._with_aliasing(self._late(instant_j, "instant_w", self._sensor.period_s), seen)
        before_s = self._start_s - IDLE_S
        idle_w = mean_power_w(self._log.between("average_w", before_s, self._start_s), before_s, self._start_s)
        unwound_j = None if idle_w is None else unwound_energy_j(self._log, idle_w, self._start_s, self._end_s)
        if unwound_j is not None and self._average_was_read:
            yield self._late(unwound_j, "average_w", AVERAGE_PERIOD_S)

    def _late(self, energy_j: float, quantity: str, period_s: float) -> DeviceEnergy:
        """Energy from readings with unknown age at both edges; in a gap, power is interpolated linearly."""
        usual_s = max(period_s, self._interval_s)
        edges_j = 2 * energy_j / self._duration_s * math.hypot(period_s, self._interval_s) / math.sqrt(6)
        parts = {"gain": GAIN * abs(energy_j), "edges": edges_j}
        unread_s = self._unread_s(quantity, period_s, usual_s)
        if unread_s:
            parts["gaps"] = 2 * unread_s * self._range_w(quantity) / math.sqrt(12)
        return DeviceEnergy(energy_j, "sampled", parts)

    def _with_aliasing(self, found: DeviceEnergy, sensor: Sensor) -> DeviceEnergy:
        """Add the error (k = 2) of a sensor that measures only a part of each period.

        With measurements at random times the error averages out (the first part). With a load synchronous to the sensor
        it does not: the power between measurements may be anywhere in the observed range (uniformly distributed).
        """
        if not sensor.is_partial:
            return found
        power_w, unseen = found.energy_j / self._duration_s, 1 - sensor.window_s / sensor.period_s
        random_j = power_w * math.sqrt(sensor.period_s * self._duration_s)
        # A sampler that is slower than the sensor samples at random times relative to the load.
        range_w = 0.0 if self._interval_s > self._sensor.period_s else self._range_w("instant_w")
        beating_j = range_w * self._duration_s / math.sqrt(3)
        return replace(found, parts_j={**found.parts_j, "aliasing": unseen * math.hypot(random_j, beating_j)})

    def _range_w(self, quantity: str) -> float:
        """Difference in W between the highest and lowest reading in and around the window."""
        points = self._log.between(quantity, self._start_s - BEFORE_S, self._end_s + AFTER_S)
        powers_w = [power_w for _, power_w in points]
        return max(powers_w) - min(powers_w)
