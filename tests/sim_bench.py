"""A whole measurement on simulated GPUs in virtual time: the real door, sampler, meter and harness, and a fake model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from fakes import FakeHost, FakePrompts
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.baseline import BaselineCache
from llenergymeasure.core.collect.latency import MemoryCollector, TokenCollector
from llenergymeasure.core.devices import MeterContext, driver_version, gpu_infos, open_devices
from llenergymeasure.core.energy.select import choose_meter
from llenergymeasure.core.flops.collectors import PalmFlopsCollector
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.core.machine.environment import take_snapshot
from llenergymeasure.core.sampling.gpu_processes import GpuProcesses
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.protocols import Metering
from llenergymeasure.testing import FakeEngine
from nvmlsim import Simulation

# One prompt of a `FakeEngine` takes 0.1 s and 0.01 s per further token.
TOKENS_OF_3_S = 291
QUICK: dict[str, Any] = {
    "baseline": {"enabled": False},
    "warmup": {"enabled": False},
    "max_output_tokens": TOKENS_OF_3_S,
}


class WorkingEngine(FakeEngine):
    """A fake model whose work draws the scenario's load."""

    def __init__(self, config: ExperimentConfig, sim: Simulation) -> None:
        super().__init__(config, sim.clock)
        self._sim = sim

    def run(self, batches: Any, max_new_tokens: int | None = None) -> Any:
        self._sim.switch(1.0)
        try:
            return super().run(batches, max_new_tokens)
        finally:
            self._sim.switch(0.0)


@dataclass
class Measuring:
    """Simulated GPUs with a meter that is open."""

    sim: Simulation
    devices: MeterContext
    metering: Metering
    baselines: BaselineCache

    def load(self, config: ExperimentConfig) -> WorkingEngine:
        return WorkingEngine(config, self.sim)

    def window(self, seconds: float = 3.0) -> tuple[EnergyReading, float]:
        """One window of work: its reading, and the joules that were really drawn."""
        window = self.metering.meter.open_window()
        start_s = self.sim.now()
        self.sim.switch(1.0)
        self.sim.clock.sleep(seconds)
        end_s = self.sim.now()
        self.sim.switch(0.0)
        return window.close(start_s, end_s), self.sim.truth_j(start_s, end_s)

    def result(self, **fields: Any) -> tuple[ExperimentResult, float]:
        """One experiment: its result, and the joules that were really drawn in its window."""
        parts = Instruments(
            metering=self.metering,
            prompts=FakePrompts(1),
            snapshot=lambda engine: take_snapshot(gpu_infos(self.devices), None, driver_version(self.devices)),
            collectors=(TokenCollector(), MemoryCollector(), FakeHost(), PalmFlopsCollector()),
            sampler=self.devices.sampler,
            clock=self.sim.clock,
            baselines=self.baselines,
        )
        config = ExperimentConfig(**{"model": "m", "n": 1, **QUICK, **fields})
        with open_experiment(config, self, parts) as experiment:
            result = experiment.measure()
        return result, self.sim.truth_utc_j(*result.window_utc)


@contextmanager
def opened(
    sim: Simulation, meter: str = "nvml", environ: Mapping[str, str] | None = None, settle_s: float = 3.0
) -> Iterator[Measuring]:
    """The GPUs and a meter over them, after some idle seconds: windows begin at about 13 s of scenario time."""
    sim.clock.cpu = 0.0
    with open_devices(sim.clock, environ or {}) as found:
        sampler = GpuSampler(found.door, found.gpus, sim.clock, gpu_processes=GpuProcesses(same_numbers=True))
        devices = replace(found, sampler=sampler)
        sim.clock.sampler = sampler
        sim.clock.sleep(settle_s)
        metering = choose_meter(meter, "auto", devices)
        try:
            yield Measuring(sim, devices, metering, BaselineCache())
        finally:
            sim.clock.sampler = None
            metering.meter.release()


def warning_of(result: ExperimentResult, code: str) -> str:
    """The text of the warning with a code; empty without one."""
    return next((str(each) for each in result.warnings if each.code == code), "")
