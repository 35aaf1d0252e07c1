"""Checks the joules of other libraries against the sampler of this package.

These libraries subtract two readings of a counter and do not read it in between. A counter that stopped for a while or
was reset then gives a wrong number that looks plausible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from llenergymeasure.core.energy.by_power import by_power
from llenergymeasure.core.energy.sensor_checks import counter_void, too_fast, used_until
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.core.sampling.updates import updates_of, updates_within
from llenergymeasure.domain.energy import EnergyDomain, EnergyReading

INSTEAD = "energy.backend: nvml would have used the power sensors instead"


class CrossCheck:
    """Checks the readings of GPUs that another library measures.

    Args:
        gpus: the GPUs that the library measures.
        sampler: samples the same GPUs; it runs while windows are open.
    """

    def __init__(self, gpus: Sequence[Gpu], sampler: GpuSampler) -> None:
        self._gpus, self._sampler = tuple(gpus), sampler

    def of(self, reading: EnergyReading, start_s: float, end_s: float) -> EnergyReading:
        """The reading with the energy from the power sensors as cross-check; void when a counter failed in the window."""
        if reading.energy_j is None:
            return reading
        self._sampler.catch_up(end_s)
        why_not = [text for gpu in self._gpus if (text := self._void(gpu, reading, start_s, end_s))]
        if why_not:
            return EnergyReading(meter=reading.meter, reason="; ".join(why_not), domains=_apart(reading))
        power, interval_s = self._sampler.power, self._sampler.interval_s
        checks = [by_power(gpu, power[gpu.uuid], interval_s, start_s, end_s) for gpu in self._gpus]
        known = [check for check in checks if check is not None]
        if len(known) < len(self._gpus):
            return reading
        return reading.model_copy(
            update={
                "crosscheck_j": math.fsum(check.energy_j for check in known),
                "crosscheck_uncertainty_j": math.hypot(*(check.own_error_j for check in known)),
            }
        )

    def updates(self, start_s: float, end_s: float) -> tuple[int, float | None]:
        """Number of counter updates in the window and their median period in s, which the library does not report."""
        return updates_of(
            [updates_within(self._sampler.power[gpu.uuid], "energy_j", start_s, end_s) for gpu in self._gpus]
        )

    def _void(self, gpu: Gpu, reading: EnergyReading, start_s: float, end_s: float) -> str | None:
        log, fault = self._sampler.power[gpu.uuid], self._sampler.faults.get(gpu.uuid)
        who = f"GPU {gpu.index} ({gpu.name})"
        if fault is not None:
            return f"{who}: {fault}; {used_until(gpu, self._sampler, start_s, end_s)}"
        its_j = (reading.per_device_j or {}).get(gpu.uuid, 0.0)
        what = too_fast(gpu, its_j, end_s - start_s) or counter_void(log.between("energy_j", start_s, end_s))
        return what and f"{who}: the energy counter {what}; {INSTEAD}"


def _apart(reading: EnergyReading) -> tuple[EnergyDomain, ...]:
    return tuple(domain for domain in reading.domains if not domain.included)
