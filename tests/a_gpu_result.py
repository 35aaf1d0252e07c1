"""A result of fake GPUs on a fake clock: the instruments are real, and the power is known."""

from __future__ import annotations

from collections.abc import Sequence

from fake_gpu import FakeDoor, FakeGpu, SamplingClock, a_gpu
from fakes import FakeHost, FakePrompts, a_snapshot
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.latency import LatencyCollector, MemoryCollector, PhaseCollector, TokenCollector
from llenergymeasure.core.energy.nvml import NvmlMeter
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.records import BatchRecord
from llenergymeasure.testing import FakeBatch, FakeEngine, metering

IDLE_W, LOADED_W, PREFILL_W, DECODE_W = 58.0, 92.0, 390.0, 270.0


class DrawingEngine(FakeEngine):
    """Prefill takes 2 s at 390 W, each further token 0.04 s at 270 W, and GPU 1 draws a tenth less."""

    prefill_s = 2.0
    step_s = 0.04

    def __init__(self, config: ExperimentConfig, clock: SamplingClock, gpus: Sequence[FakeGpu]) -> None:
        super().__init__(config, clock)
        self._gpus = gpus
        self._draw(LOADED_W)
        names = tuple(f"cuda:{index}" for index in range(len(gpus)))
        self.info = self.info.model_copy(update={"device": "cuda", "devices": names})

    def _draw(self, watts: float) -> None:
        for index, gpu in enumerate(self._gpus):
            gpu.switch(self._clock.now(), watts * (1 - index / 10))

    def _generate(self, batch: FakeBatch, tokens: int) -> BatchRecord:
        start_s = self._clock.now()
        self._draw(PREFILL_W)
        self._clock.sleep(self.prefill_s)
        self._draw(DECODE_W)
        times = [start_s + self.prefill_s]
        for step in range(1, tokens):
            self._clock.sleep(self.step_s * (1 + step % 7 / 20))
            times.append(self._clock.now())
        self._draw(LOADED_W)
        return BatchRecord(
            prompt_indices=batch.prompt_indices,
            padded_length=batch.padded_length,
            started_s=start_s,
            finished_s=times[-1],
            step_times_s=tuple(times),
            step_tokens=tuple(range(1, tokens + 1)),
        )


class DrawingLoader:
    """Loads for 4 s; from then on the GPUs draw more than before."""

    def __init__(self, clock: SamplingClock, gpus: Sequence[FakeGpu]) -> None:
        self._clock, self._gpus = clock, gpus

    def load(self, config: ExperimentConfig) -> DrawingEngine:
        self._clock.sleep(4.0)
        return DrawingEngine(config, self._clock, self._gpus)


def a_gpu_result(gpus: int = 1, n: int = 32, **fields) -> ExperimentResult:
    """The result of the NVML meter and the sampler for known power."""
    clock = SamplingClock()
    models = [FakeGpu(steps=[(-1e9, IDLE_W)]) for _ in range(gpus)]
    named = [a_gpu(index) for index in range(gpus)]
    door = FakeDoor(clock, models)
    sampler = GpuSampler(door, named, clock)
    clock.sampler = sampler
    infos = tuple(
        GpuInfo(index=gpu.index, name=gpu.name, uuid=gpu.uuid, vram_mb=48e3, power_limit_w=300.0) for gpu in named
    )
    parts = Instruments(
        metering=metering(NvmlMeter(door, named, sampler, clock)),
        prompts=FakePrompts(n),
        snapshot=lambda engine: a_snapshot().model_copy(update={"gpus": infos, "driver_version": "580.1"}),
        collectors=(TokenCollector(), LatencyCollector(), PhaseCollector(), MemoryCollector(), FakeHost(), _flops()),
        sampler=sampler,
        clock=clock,
    )
    config = ExperimentConfig(
        **{
            "model": "acme/some-model-8b", "n": n, "max_output_tokens": 64, "pytorch": {"batch_size": 4},
            "warmup": {"n_warmup": 3, "thermal_floor_seconds": 30}, **fields,
        }
    )  # fmt: skip
    with open_experiment(config, DrawingLoader(clock, models), parts) as experiment:
        return experiment.measure()


def _flops():
    from llenergymeasure.core.flops.collectors import PalmFlopsCollector

    return PalmFlopsCollector()
