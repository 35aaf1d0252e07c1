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
from llenergymeasure.core.nvml.door import Gpu
from llenergymeasure.core.sampling.cumulative_energy import CumulativeEnergy
from llenergymeasure.core.sampling.energy_from_sensors import LONG_S, from_average_power, from_instant_power
from llenergymeasure.core.sampling.power_integral import instant_energy_j, mean_power_w, unwound_energy_j
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.core.sampling.power_sensors import AVERAGE_PERIOD_S, Sensor, instant_sensor

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
    sensor = instant_sensor(gpu.architecture, gpu.name)
    found = _by_updates(log, sensor, start_s, end_s) if end_s - start_s <= LONG_S else []
    if len(found) < 2:
        found += _by_integral(log, sensor, interval_s, start_s, end_s)
    if not found:
        return None
    least_j = min(one.own_error_j for one in found)
    best = next(one for one in found if one.own_error_j <= AS_CERTAIN * least_j)
    others = [one for one in found if one is not best]
    return replace(best, crosscheck=min(others, key=lambda one: one.own_error_j, default=None))


def _by_updates(log: PowerLog, sensor: Sensor, start_s: float, end_s: float) -> list[DeviceEnergy]:
    cumulative = from_instant_power(log, sensor, start_s, end_s)
    instant = _outer(cumulative, start_s, end_s)
    if instant is not None and cumulative is not None:
        instant = _with_aliasing(instant, sensor, start_s, end_s, cumulative.range_w)
    idle_w = cumulative.idle_spread_w(start_s) if cumulative is not None else None
    average = _outer(from_average_power(log, start_s, end_s, idle_w), start_s, end_s)
    in_order = (average, instant) if sensor.is_partial else (instant, average)
    return [found for found in in_order if found is not None]


def _outer(cumulative: CumulativeEnergy | None, start_s: float, end_s: float) -> DeviceEnergy | None:
    outer = cumulative.outer(start_s, end_s) if cumulative is not None else None
    if cumulative is None or outer is None:
        return None
    parts = {"gain": GAIN * abs(outer.energy_j), "edges": outer.error_j}
    if cumulative.assumed_error_j:
        parts["gaps"] = cumulative.assumed_error_j
    return DeviceEnergy(outer.energy_j, "sampled", parts)


def _by_integral(
    log: PowerLog, sensor: Sensor, interval_s: float, start_s: float, end_s: float
) -> Iterator[DeviceEnergy]:
    instant_j = instant_energy_j(log, sensor, start_s, end_s)
    if instant_j is not None:
        seen = Sensor(max(sensor.period_s, interval_s), sensor.window_s)  # updates between two samples are not seen
        yield _with_aliasing(_late(instant_j, sensor.period_s, interval_s, start_s, end_s), seen, start_s, end_s)
    idle_w = mean_power_w(log.between("average_w", start_s - 0.3, start_s), start_s - 0.3, start_s)
    unwound_j = None if idle_w is None else unwound_energy_j(log, idle_w, start_s, end_s)
    if unwound_j is not None:
        yield _late(unwound_j, AVERAGE_PERIOD_S, interval_s, start_s, end_s)


def _late(energy_j: float, period_s: float, interval_s: float, start_s: float, end_s: float) -> DeviceEnergy:
    """A reading whose age at either edge is not known."""
    edges_j = 2 * energy_j / (end_s - start_s) * math.hypot(period_s, interval_s) / math.sqrt(6)
    return DeviceEnergy(energy_j, "sampled", {"gain": GAIN * abs(energy_j), "edges": edges_j})


def _with_aliasing(
    found: DeviceEnergy, sensor: Sensor, start_s: float, end_s: float, range_w: float = 0.0
) -> DeviceEnergy:
    """A sensor that sleeps between its looks does not see what happens meanwhile.

    Looks at random moments would average out (the first part); a load that beats with the sensor does not, and may have
    been anywhere in the range that was seen (evenly distributed, k = 2).
    """
    if not sensor.is_partial:
        return found
    power_w, seconds = found.energy_j / (end_s - start_s), end_s - start_s
    unseen = 1 - sensor.window_s / sensor.period_s
    aliasing_j = unseen * math.hypot(power_w * math.sqrt(sensor.period_s * seconds), range_w * seconds / math.sqrt(3))
    return replace(found, parts_j={**found.parts_j, "aliasing": aliasing_j})
