"""Checks of the sensors over a window: resets, standstill, impossible power, and energy until a failure."""

from __future__ import annotations

from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.core.sampling.conditions import ConditionLog
from llenergymeasure.core.sampling.power_log import Points, PowerLog
from llenergymeasure.core.sampling.power_sensors import instant_sensor
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.core.sampling.timeseries import row_energy_j
from llenergymeasure.core.sampling.updates import STALE_S, longest_standstill_s, tick_times

# The last digit of a working power sensor changes with nearly every update; ten equal slow updates are not by chance.
STUCK_S = 1.0


def counter_void(samples: Points) -> str | None:
    """Why a counter is not usable over these samples of it; None when it is."""
    values = [value for _, value in samples]
    if any(later < early for early, later in zip(values, values[1:])):
        return "went backwards (the driver was reloaded)"
    stood_s = longest_standstill_s(samples)
    return f"did not advance for {stood_s:.2g} s in the window" if stood_s > STALE_S else None


def too_fast(gpu: Gpu, energy_j: float, seconds: float) -> str | None:
    """Why so many joules in this time are impossible; None when possible, or when the GPU's limit is not known."""
    if seconds <= 0 or energy_j <= gpu.highest_power_w * seconds:
        return None
    return (
        f"rose by {energy_j:.4g} J in {seconds:.3g} s, {energy_j / seconds:.4g} W on average, but the GPU may draw "
        f"{gpu.power_limit_w:.4g} W"
    )


def used_until(gpu: Gpu, sampler: GpuSampler, start_s: float, end_s: float) -> str:
    """A clause with the energy in J from the start of a window until its last reading, and the time covered."""
    last_s = sampler.power[gpu.uuid].last_s
    known_s = 0.0 if last_s is None else min(last_s, end_s) - start_s
    for covered_s in (known_s, known_s - instant_sensor(gpu.architecture, gpu.name).delay_s):
        used_j = row_energy_j(gpu, sampler.power[gpu.uuid], start_s, start_s + covered_s) if covered_s > 0 else None
        if used_j is not None:
            return f"until then it used {used_j:.4g} J in {covered_s:.3g} s of {end_s - start_s:.3g} s"
    return "no part of the window was measured"


def stuck_sensor(gpu: Gpu, sampler: GpuSampler, start_s: float, end_s: float) -> str | None:
    """A warning about a power sensor that did not change under load until after the work; None without one."""
    readings = _readings_past(sampler.power[gpu.uuid], start_s, end_s)
    still_s = end_s - max([start_s, *tick_times(readings)])
    if not readings or still_s < STUCK_S or not _worked(sampler.conditions[gpu.uuid], end_s - still_s, end_s):
        return None
    return (
        f"the power sensor showed {readings[-1][1]:.4g} W without a change in the last {still_s:.2g} s of work; "
        "it may have stopped updating: treat the energy as unreliable"
    )


def _readings_past(log: PowerLog, start_s: float, end_s: float) -> Points:
    """Readings of the first power sensor that was read until after the end; empty when none was."""
    for quantity in ("average_w", "instant_w"):
        readings = log.between(quantity, start_s, log.last_s or end_s)
        if readings and readings[-1][0] > end_s:
            return readings
    return []


def _worked(conditions: ConditionLog, start_s: float, end_s: float) -> bool:
    return any(percent > 0 for _, percent in conditions.inside("utilisation_pct", start_s, end_s))
