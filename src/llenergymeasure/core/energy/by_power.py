"""Energy from the power sensors, by the first of these that is about as certain as any.

1. instant power that looks all the time, at its updates outside the window, less what was drawn outside;
2. the 1 s average, unwound, at its updates in the same way;
3. instant power that looks a part of the time, as 1;
4. where updates cannot be told apart (a sensor faster than the sampler, a log too old): the back-dated integral.
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

# Time before the work whose averages are taken as idle power.
IDLE_S = 0.3
# Stated errors are estimates themselves: to take the smallest would be to take the most optimistic one.
AS_CERTAIN = 2.0


def by_power(gpu: Gpu, log: PowerLog, interval_s: float, start_s: float, end_s: float) -> DeviceEnergy | None:
    """The best reading of a window, with the second best as its cross-check; None when none covers it.

    Args:
        gpu: the device.
        log: what the sampler saw of it.
        interval_s: time between samples.
        start_s: start of the work.
        end_s: end of the work.
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
    """A window of one GPU, and how its power sensors were read in it."""

    def __init__(self, log: PowerLog, sensor: Sensor, interval_s: float, start_s: float, end_s: float) -> None:
        self._log, self._sensor, self._interval_s = log, sensor, interval_s
        self._start_s, self._end_s, self._duration_s = start_s, end_s, end_s - start_s
        half_s = self._duration_s / 2
        self._instant_was_read = self._unread_s("instant_w", sensor.period_s, sensor.window_s) <= half_s
        self._average_was_read = self._unread_s("average_w", AVERAGE_PERIOD_S, AVERAGE_WINDOW_S) <= half_s

    def _unread_s(self, quantity: str, period_s: float, shown_s: float) -> float:
        """Seconds of the window in gaps between readings, less `shown_s` that the reading after each gap shows."""
        usual_s = max(period_s, self._interval_s)
        points = self._log.between(quantity, self._start_s, self._end_s)
        gaps = ((before, after) for (before, _), (after, _) in zip(points, points[1:]) if after - before > 2 * usual_s)
        unread = (min(after - shown_s, self._end_s) - max(before, self._start_s) for before, after in gaps)
        return math.fsum(max(seconds, 0.0) for seconds in unread)

    def by_updates(self) -> list[DeviceEnergy]:
        """The sensors at their own updates, the more trustworthy one first."""
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
        """The integral over back-dated readings."""
        instant_j = instant_energy_j(self._log, self._sensor, self._start_s, self._end_s)
        if instant_j is not None and self._instant_was_read:
            # Updates between two samples are not seen.
            seen = Sensor(max(self._sensor.period_s, self._interval_s), self._sensor.window_s)
            yield self._with_aliasing(self._late(instant_j, "instant_w", self._sensor.period_s), seen)
        before_s = self._start_s - IDLE_S
        idle_w = mean_power_w(self._log.between("average_w", before_s, self._start_s), before_s, self._start_s)
        unwound_j = None if idle_w is None else unwound_energy_j(self._log, idle_w, self._start_s, self._end_s)
        if unwound_j is not None and self._average_was_read:
            yield self._late(unwound_j, "average_w", AVERAGE_PERIOD_S)

    def _late(self, energy_j: float, quantity: str, period_s: float) -> DeviceEnergy:
        """A reading whose age at either edge is not known; in a gap power is taken to be on a line."""
        usual_s = max(period_s, self._interval_s)
        edges_j = 2 * energy_j / self._duration_s * math.hypot(period_s, self._interval_s) / math.sqrt(6)
        parts = {"gain": GAIN * abs(energy_j), "edges": edges_j}
        unread_s = self._unread_s(quantity, period_s, usual_s)
        if unread_s:
            parts["gaps"] = 2 * unread_s * self._range_w(quantity) / math.sqrt(12)
        return DeviceEnergy(energy_j, "sampled", parts)

    def _with_aliasing(self, found: DeviceEnergy, sensor: Sensor) -> DeviceEnergy:
        """A sensor that sleeps between its looks does not see what happens meanwhile.

        Looks at random moments would average out (the first part); a load that beats with the sensor does not, and may
        have been anywhere in the range that was seen (evenly distributed, k = 2).
        """
        if not sensor.is_partial:
            return found
        power_w, unseen = found.energy_j / self._duration_s, 1 - sensor.window_s / sensor.period_s
        random_j = power_w * math.sqrt(sensor.period_s * self._duration_s)
        # A sampler that is slower than the sensor looks at random moments itself.
        range_w = 0.0 if self._interval_s > self._sensor.period_s else self._range_w("instant_w")
        beating_j = range_w * self._duration_s / math.sqrt(3)
        return replace(found, parts_j={**found.parts_j, "aliasing": unseen * math.hypot(random_j, beating_j)})

    def _range_w(self, quantity: str) -> float:
        """From the least to the most that was read in the window and around it."""
        points = self._log.between(quantity, self._start_s - BEFORE_S, self._end_s + AFTER_S)
        powers_w = [power_w for _, power_w in points]
        return max(powers_w) - min(powers_w)
