"""The NVML meter: energy from the energy counter between its ticks, else from the power sensors.

```
 open_window: two ticks | t0 == work == t1 | close: two ticks, two updates of the power sensors | reading
```

Where both are available, the counter gives the reading and the power sensors its cross-check.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.by_counter import by_counter
from llenergymeasure.core.energy.by_power import by_power
from llenergymeasure.core.energy.device_energy import DeviceEnergy, combined_parts
from llenergymeasure.core.energy.sensor_checks import counter_void, stuck_sensor, too_fast, used_until
from llenergymeasure.core.energy.ticks import TICK_TIMEOUT_S, Tick, ticks_of, watch_counters
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.core.sampling.energy_from_sensors import from_counter
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.core.sampling.updates import updates_of, updates_within
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.exceptions import MeterError, ReadingFailed, SensorFault
from llenergymeasure.protocols import Clock


class NvmlMeter:
    """Measures GPUs through NVML.

    Args:
        door: NVML.
        gpus: the GPUs to measure.
        sampler: samples the same GPUs; it runs while windows are open.
        clock: the clock of the sampler.
    """

    name = "nvml"

    def __init__(self, door: GpuDoor, gpus: Sequence[Gpu], sampler: GpuSampler, clock: Clock) -> None:
        self._door, self._gpus, self._clock = door, tuple(gpus), clock
        self.sampler = sampler
        self.devices = tuple(gpu.uuid for gpu in gpus)

    def open_window(self) -> NvmlWindow:
        return NvmlWindow(self._door, self._gpus, self.sampler, self._clock)

    def release(self) -> None:
        """Do nothing: NVML and the sampler are closed by `open_devices`."""


class NvmlWindow:
    """A window of the NVML meter."""

    def __init__(self, door: GpuDoor, gpus: tuple[Gpu, ...], sampler: GpuSampler, clock: Clock) -> None:
        self._door, self._gpus, self._sampler, self._clock = door, gpus, sampler, clock
        self._watches = watch_counters(door, gpus, clock)
        self._before = ticks_of(self._watches)

    def abandon(self) -> None:
        """Do nothing: nothing is open."""

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        counted = tuple(gpu for gpu in self._gpus if gpu.uuid in self._before)
        watches = watch_counters(self._door, counted, self._clock)
        after = ticks_of(watches)
        self._watches |= watches
        self._sampler.catch_up(end_s)
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

    def _device(self, gpu: Gpu, after: tuple[Tick, Tick] | None, start_s: float, end_s: float) -> DeviceEnergy:
        fault = self._sampler.faults.get(gpu.uuid)
        if fault is not None:
            raise SensorFault(fault)
        before = self._before.get(gpu.uuid)
        sampled = self._by_power(gpu, start_s, end_s)
        what = self._counter_fault(gpu, before, after)
        if before is not None and after is not None and what is None:
            return by_counter(before, after, start_s, end_s, sampled, self._variation_w(gpu, start_s, end_s))
        if sampled is None:
            raise ReadingFailed(f"{_void(what)} no power sensor covers the window")
        problems = [
            f"GPU {gpu.index}: {problem}"
            for problem in (
                what and f"the energy counter {what}; energy is the power integral",
                stuck_sensor(gpu, self._sampler, start_s, end_s),
            )
            if problem
        ]
        return replace(sampled, problem="; ".join(problems) or None)

    def _counter_fault(self, gpu: Gpu, before: tuple[Tick, Tick] | None, after: tuple[Tick, Tick] | None) -> str | None:
        """Why the counter is not usable for this window; None when it is usable or absent."""
        if before is None:
            return self._watches[gpu.uuid].why_not
        if after is None:
            return self._watches[gpu.uuid].why_not or "is no longer reported"
        seen = self._sampler.power[gpu.uuid].between("energy_j", before[1].time_s, after[0].time_s)
        if after[0].energy_j < before[1].energy_j:
            return "went backwards (the driver was reloaded)"
        rose_j, seconds = after[0].energy_j - before[1].energy_j, after[0].time_s - before[1].time_s
        return too_fast(gpu, rose_j, seconds) or counter_void(seen)

    def _variation_w(self, gpu: Gpu, start_s: float, end_s: float) -> float | None:
        """Standard deviation in W of idle power before the window, from the sampled counter; None when not measured."""
        cumulative = from_counter(self._sampler.power[gpu.uuid], start_s, min(end_s, start_s + TICK_TIMEOUT_S))
        return cumulative.variation_w(start_s) if cumulative is not None else None

    def _by_power(self, gpu: Gpu, start_s: float, end_s: float) -> DeviceEnergy | None:
        return by_power(gpu, self._sampler.power[gpu.uuid], self._sampler.interval_s, start_s, end_s)

    def _reading(
        self, found: dict[str, DeviceEnergy], problems: list[str], start_s: float, end_s: float
    ) -> EnergyReading:
        n_readings, period_s = updates_of([self._updates(gpu, start_s, end_s) for gpu in self._gpus])
        if len(found) < len(self._gpus):
            others = tuple(f"{uuid} used {device.energy_j:.4g} J" for uuid, device in found.items())
            return EnergyReading(meter="nvml", n_readings=n_readings, reason="; ".join(problems), problems=others)
        devices = list(found.values())
        parts = combined_parts(devices)
        checks = [device.crosscheck for device in devices if device.crosscheck is not None]
        checked = len(checks) == len(devices)
        return EnergyReading(
            meter="nvml",
            energy_j=math.fsum(device.energy_j for device in devices),
            per_device_j={uuid: device.energy_j for uuid, device in found.items()},
            method="counter" if all(device.method == "counter" for device in devices) else "sampled",
            uncertainty_j=math.hypot(*parts.values()),
            uncertainty_parts_j=parts,
            n_readings=n_readings,
            update_period_s=period_s,
            crosscheck_j=math.fsum(check.energy_j for check in checks) if checked else None,
            crosscheck_uncertainty_j=math.hypot(*(check.own_error_j for check in checks)) if checked else None,
            problems=tuple(problems),
        )

    def _updates(self, gpu: Gpu, start_s: float, end_s: float) -> list[float]:
        """Times of the observed updates in the window, of the counter or else of the power sensor."""
        quantity = "energy_j" if gpu.uuid in self._before else "instant_w"
        return updates_within(self._sampler.power[gpu.uuid], quantity, start_s, end_s)


def _void(what: str | None) -> str:
    return f"the energy counter {what} and" if what else "there is no energy counter and"


def probe(context: MeterContext) -> str | None:
    """None when every GPU reports energy or power, else the reason."""
    if context.door is None or not context.gpus:
        return context.no_gpu_reason
    for gpu in context.gpus:
        try:
            context.door.power(gpu)
        except MeterError as error:
            return f"GPU {gpu.index} ({gpu.name}): {error}"
    return None


def create(context: MeterContext) -> NvmlMeter:
    """The meter of the GPUs of the context."""
    assert context.door is not None, "the probe came first"
    assert context.sampler is not None, "the probe came first"
    return NvmlMeter(context.door, context.gpus, context.sampler, context.clock)
