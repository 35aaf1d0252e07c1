"""The NVML meter: the energy counter at its own ticks, else the power sensors.

```
 tick tick t_a                                      tick t_b  tick
  |----|----.  t0 ------------ work ------------ t1  .---------|
   P_before                                           P_after
```

With a counter: `E = E_b - E_a - P_before (t0 - t_a) - P_after (t_b - t1)`. The outside powers come from the counter
itself, over the tick before t_a and the tick after t_b, when the device is idle; so does the error that remains: the
moment of a tick is known to one poll. Without a counter: the 1 s average, unwound from an idle second; else instant
power, each reading standing for what the sensor saw before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from llenergymeasure.core.energy.context import MeterContext
from llenergymeasure.core.energy.ticks import Tick, ticks_of, watch_counters
from llenergymeasure.core.energy.voids import stuck_sensor, used_until
from llenergymeasure.core.gpu import Gpu, GpuDoor
from llenergymeasure.core.sampler import GpuSampler
from llenergymeasure.core.trace import (
    AVERAGE_PERIOD_S,
    instant_energy_j,
    instant_sensor,
    longest_standstill_s,
    mean_power_w,
    tick_times,
    unwound_energy_j,
)
from llenergymeasure.domain.measurements import EnergyMethod, EnergyReading
from llenergymeasure.exceptions import MeterError, ReadingFailed, SensorFault
from llenergymeasure.protocols import Clock

# More than three of the slowest ticks seen (100 ms), and what a sampler may be late by.
STALE_S = 0.5
# NVML documents 5 W or 5 %: a stable gain of the card, twice the standard deviation (k = 2).
GAIN = 0.05


@dataclass(frozen=True)
class DeviceEnergy:
    """Joules of one device in a window, with the parts of their uncertainty (k = 2)."""

    energy_j: float
    method: EnergyMethod
    parts_j: dict[str, float]
    crosscheck_j: float | None = None
    problem: str | None = None


class NvmlMeter:
    """Measures GPUs through NVML.

    Args:
        door: NVML.
        gpus: what to measure.
        sampler: watches the same GPUs; runs already.
        clock: time, the sampler's.
    """

    name = "nvml"

    def __init__(self, door: GpuDoor, gpus: Sequence[Gpu], sampler: GpuSampler, clock: Clock) -> None:
        self._door, self._gpus, self._clock = door, tuple(gpus), clock
        self.sampler = sampler
        self.devices = tuple(gpu.uuid for gpu in gpus)

    def open_window(self) -> NvmlWindow:
        return NvmlWindow(self._door, self._gpus, self.sampler, self._clock)

    def release(self) -> None:
        self.sampler.stop()
        self._door.close()


class NvmlWindow:
    """A window of the NVML meter."""

    def __init__(self, door: GpuDoor, gpus: tuple[Gpu, ...], sampler: GpuSampler, clock: Clock) -> None:
        self._door, self._gpus, self._sampler, self._clock = door, gpus, sampler, clock
        self._watches = watch_counters(door, gpus, clock)
        self._before = ticks_of(self._watches)

    def abandon(self) -> None:
        """Nothing is held open."""

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        counted = tuple(gpu for gpu in self._gpus if gpu.uuid in self._before)
        watches = watch_counters(self._door, counted, self._clock)
        after = ticks_of(watches)
        self._watches |= watches
        self._let_the_sensors_catch_up(end_s)
        found: dict[str, DeviceEnergy] = {}
        problems: list[str] = []
        for gpu in self._gpus:
            try:
                found[gpu.uuid] = self._device(gpu, after.get(gpu.uuid), start_s, end_s)
            except MeterError as error:
                until = used_until(gpu, self._sampler, start_s, end_s)
                problems.append(f"GPU {gpu.index} ({gpu.name}): {error}; {until}")
        problems += [device.problem for device in found.values() if device.problem]
        return self._reading(found, problems, start_s, end_s)

    def _let_the_sensors_catch_up(self, end_s: float) -> None:
        """The power sensors show the end of the work only later: wait until they have, with one interval to spare."""
        slowest_s = max(instant_sensor(gpu.architecture, gpu.name).delay_s for gpu in self._gpus)
        ready_s = end_s + slowest_s + 2 * self._sampler.interval_s
        while (left_s := ready_s - self._clock.now()) > 0:
            self._clock.sleep(min(left_s, self._sampler.interval_s))

    def _device(self, gpu: Gpu, after: tuple[Tick, Tick] | None, start_s: float, end_s: float) -> DeviceEnergy:
        fault = self._sampler.faults.get(gpu.uuid)
        if fault is not None:
            raise SensorFault(fault)
        before = self._before.get(gpu.uuid)
        sampled = self._by_power(gpu, start_s, end_s)
        what = self._counter_fault(gpu, before, after)
        if before is not None and after is not None and what is None:
            return by_counter(before, after, start_s, end_s, sampled)
        if sampled is None:
            raise ReadingFailed(f"{_void(what)} no power sensor covers the window")
        doubts = [
            f"GPU {gpu.index}: {doubt}"
            for doubt in (
                what and f"the energy counter {what}; energy is the power integral",
                stuck_sensor(gpu, self._sampler, start_s, end_s),
            )
            if doubt
        ]
        return replace(sampled, problem="; ".join(doubts) or None)

    def _counter_fault(self, gpu: Gpu, before: tuple[Tick, Tick] | None, after: tuple[Tick, Tick] | None) -> str | None:
        """Why the counter is void for this window; None when it is good or when there is none."""
        if before is None:
            return self._watches[gpu.uuid].why_not
        if after is None:
            return self._watches[gpu.uuid].why_not or "is not told any more"
        seen = self._sampler.power[gpu.uuid].between("energy_j", before[1].time_s, after[0].time_s)
        values = [value for _, value in seen]
        if after[0].energy_j < before[1].energy_j or any(later < early for early, later in zip(values, values[1:])):
            return "went backwards (the driver was reloaded)"
        stood_s = longest_standstill_s(seen)
        return f"stood still for {stood_s:.2g} s in the window" if stood_s > STALE_S else None

    def _by_power(self, gpu: Gpu, start_s: float, end_s: float) -> DeviceEnergy | None:
        return by_power(gpu, self._sampler, start_s, end_s)

    def _reading(
        self, found: dict[str, DeviceEnergy], problems: list[str], start_s: float, end_s: float
    ) -> EnergyReading:
        ticks = [self._updates(gpu, start_s, end_s) for gpu in self._gpus]
        n_readings = min(map(len, ticks))
        gaps = sorted(after - before for path in ticks for before, after in zip(path, path[1:]))
        if len(found) < len(self._gpus):
            others = tuple(f"{uuid} used {device.energy_j:.4g} J" for uuid, device in found.items())
            return EnergyReading(meter="nvml", n_readings=n_readings, reason="; ".join(problems), problems=others)
        devices = list(found.values())
        parts = {name: math.hypot(*(device.parts_j.get(name, 0.0) for device in devices)) for name in _names(devices)}
        # A gain is the card's own and cards of one kind may share it: it adds up, the rest is independent.
        parts["gain"] = math.fsum(device.parts_j["gain"] for device in devices)
        checks = [device.crosscheck_j for device in devices]
        return EnergyReading(
            meter="nvml",
            energy_j=math.fsum(device.energy_j for device in devices),
            per_device_j={uuid: device.energy_j for uuid, device in found.items()},
            method="counter" if all(device.method == "counter" for device in devices) else "sampled",
            uncertainty_j=math.hypot(*parts.values()),
            uncertainty_parts_j=parts,
            n_readings=n_readings,
            update_period_s=gaps[len(gaps) // 2] if gaps else None,
            crosscheck_j=None if None in checks else math.fsum(check for check in checks if check is not None),
            problems=tuple(problems),
        )

    def _updates(self, gpu: Gpu, start_s: float, end_s: float) -> list[float]:
        """When the counter, or without one the power sensor, was seen to update in the window."""
        log = self._sampler.power[gpu.uuid]
        quantity = "energy_j" if gpu.uuid in self._before else "instant_w"
        return [time_s for time_s in tick_times(log.between(quantity, start_s, end_s)) if start_s <= time_s <= end_s]


def _void(what: str | None) -> str:
    return f"the energy counter {what} and" if what else "there is no energy counter and"


def by_counter(
    before: tuple[Tick, Tick], after: tuple[Tick, Tick], start_s: float, end_s: float, sampled: DeviceEnergy | None
) -> DeviceEnergy:
    """Counter at its outer ticks, less what was used outside the window."""
    (early, t_a), (t_b, late) = before, after
    p_before_w, p_after_w = _slope_w(early, t_a), _slope_w(t_b, late)
    gross_j = t_b.energy_j - t_a.energy_j
    energy_j = gross_j - p_before_w * (start_s - t_a.time_s) - p_after_w * (t_b.time_s - end_s)
    power_w = max(energy_j / (end_s - start_s), p_before_w, p_after_w)
    polls_s = math.hypot(t_a.poll_s, t_b.poll_s)
    # A tick lies evenly between two polls (poll / sqrt(12)), expanded with k = 2. Outside powers are as uncertain as
    # they differ from each other.
    edges_j = 2 * power_w * polls_s / math.sqrt(12) + abs(p_after_w - p_before_w) * (t_b.time_s - end_s) / math.sqrt(3)
    parts = {"gain": GAIN * abs(energy_j), "edges": edges_j}
    return DeviceEnergy(energy_j, "counter", parts, sampled.energy_j if sampled else None)


def _slope_w(first: Tick, second: Tick) -> float:
    return max((second.energy_j - first.energy_j) / (second.time_s - first.time_s), 0.0)


def by_power(gpu: Gpu, sampler: GpuSampler, start_s: float, end_s: float) -> DeviceEnergy | None:
    """Energy from the power sensors; None when their readings do not cover the window."""
    log = sampler.power[gpu.uuid]
    sensor = instant_sensor(gpu.architecture, gpu.name)
    instant_j = instant_energy_j(log, sensor, start_s, end_s)
    idle_w = mean_power_w(log.between("average_w", start_s - 0.3, start_s), start_s - 0.3, start_s)
    unwound_j = None if idle_w is None else unwound_energy_j(log, idle_w, start_s, end_s)
    if unwound_j is None and instant_j is None:
        return None
    energy_j = unwound_j if unwound_j is not None else instant_j
    assert energy_j is not None
    step_w = energy_j / (end_s - start_s)
    period_s = AVERAGE_PERIOD_S if unwound_j is not None else sensor.period_s
    parts = {
        "gain": GAIN * abs(energy_j),
        "edges": 2 * step_w * math.hypot(period_s, sampler.interval_s) / math.sqrt(6),
    }
    if unwound_j is None and sensor.is_partial:
        parts["aliasing"] = (
            step_w * math.sqrt(sensor.period_s * (end_s - start_s)) * (1 - sensor.window_s / sensor.period_s)
        )
    return DeviceEnergy(energy_j, "sampled", parts, instant_j if unwound_j is not None else None)


def _names(devices: Sequence[DeviceEnergy]) -> set[str]:
    return {name for device in devices for name in device.parts_j}


def create(context: MeterContext) -> NvmlMeter:
    """The meter over the GPUs of the context."""
    assert context.door is not None, "the probe came first"
    assert context.sampler is not None, "the probe came first"
    context.sampler.start()
    return NvmlMeter(context.door, context.gpus, context.sampler, context.clock)
