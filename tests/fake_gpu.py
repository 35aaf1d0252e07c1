"""A GPU on a clock that advances only when a caller sleeps: known power, a counter with ticks, a power sensor with a delay."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from llenergymeasure.core.nvml.gpu import ConditionReading, Gpu, PowerReading
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.exceptions import ReadingFailed, SensorFault


def a_gpu(index: int = 0, architecture: str = "ampere", name: str = "RTX A6000") -> Gpu:
    return Gpu(index, f"GPU-{index}", name, architecture, handle=index)


@dataclass
class FakeGpu:
    """True power as a list of (from_s, watts); the integral is exact."""

    steps: list[tuple[float, float]] = field(default_factory=lambda: [(-1e9, 50.0)])
    tick_s: float | None = 0.1
    tick_phase_s: float = 0.013
    frozen_from_s: float = math.inf
    reset_at_s: float = math.inf
    lost_from_s: float = math.inf
    fails: Callable[[int], bool] = lambda call: False
    calls: int = 0

    def switch(self, time_s: float, watts: float) -> None:
        """Change the power in W from now on."""
        self.steps = [*(step for step in self.steps if step[0] < time_s), (time_s, watts)]

    def energy_j(self, time_s: float) -> float:
        """Exact joules since time 0."""
        edges = [*(start for start, _ in self.steps[1:]), math.inf]
        total = 0.0
        for (start, watts), end in zip(self.steps, edges):
            total += watts * max(min(end, time_s) - max(start, 0.0), 0.0)
        return total

    def counter_j(self, time_s: float) -> float | None:
        if self.tick_s is None:
            return None
        now_s = min(time_s, self.frozen_from_s)
        tick_s = math.floor((now_s - self.tick_phase_s) / self.tick_s) * self.tick_s + self.tick_phase_s
        return self.energy_j(tick_s) - (self.energy_j(self.reset_at_s) if time_s >= self.reset_at_s else 0.0)

    def mean_w(self, start_s: float, end_s: float) -> float:
        return (self.energy_j(end_s) - self.energy_j(start_s)) / (end_s - start_s)


class FakeDoor:
    """Answers like NVML's door; every call costs `cost_s` of the clock."""

    def __init__(
        self, clock, gpus: Sequence[FakeGpu], cost_s: float = 20e-6, averaging: bool = True, records: bool = False
    ) -> None:
        self.clock, self.models, self.cost_s, self.averaging = clock, list(gpus), cost_s, averaging
        self.records = records
        self.closed = 0

    def _enter(self, gpu: Gpu) -> FakeGpu:
        model = self.models[gpu.handle]
        self.clock.seconds += self.cost_s
        model.calls += 1
        if self.clock.now() >= model.lost_from_s:
            raise SensorFault("GPU is lost")
        if model.fails(model.calls):
            raise ReadingFailed("Timeout")
        return model

    def energy_j(self, gpu: Gpu) -> float | None:
        return self._enter(gpu).counter_j(self.clock.now())

    def power(self, gpu: Gpu) -> PowerReading:
        model, now_s = self._enter(gpu), self.clock.now()
        tick_s = math.floor(now_s / 0.1) * 0.1
        average_w = model.mean_w(tick_s - 1.0, tick_s) if self.averaging else None
        return PowerReading(model.counter_j(now_s), average_w, model.mean_w(tick_s - 0.1, tick_s))

    def conditions(self, gpu: Gpu) -> ConditionReading:
        self._enter(gpu)
        return ConditionReading(55.0, 1000.0, 80000.0, 97.0, 1980.0, 0)

    def recent_power(self, gpu: Gpu, since_utc_s: float) -> list[tuple[float, float]]:
        """The driver's record: one entry per 100 ms, on the time of day."""
        model, now_s = self._enter(gpu), self.clock.now()
        epoch_s = self.clock.utc_now().timestamp() - now_s
        updates = (
            index * 0.1 for index in range(math.floor((since_utc_s - epoch_s) / 0.1) + 1, math.floor(now_s / 0.1))
        )
        return [(time_s + epoch_s, model.mean_w(time_s - 0.1, time_s)) for time_s in updates] if self.records else []

    def processes(self, gpu: Gpu) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        self.closed += 1


class SamplingClock:
    """A clock whose sleep lets the sampler take its samples on the way."""

    def __init__(self) -> None:
        self.seconds = 10.0
        self.sampler: GpuSampler | None = None
        self._due_s = 0.0

    def now(self) -> float:
        return self.seconds

    def utc_now(self) -> datetime:
        return datetime.fromtimestamp(1.7e9 + self.seconds, timezone.utc)

    def cpu_seconds(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        end_s = self.seconds + seconds
        while self.sampler is not None and max(self._due_s, self.seconds) < end_s:
            self.seconds = max(self._due_s, self.seconds)
            self._due_s = self.seconds + self.sampler.interval_s
            self.sampler.sample()
        self.seconds = max(self.seconds, end_s)
