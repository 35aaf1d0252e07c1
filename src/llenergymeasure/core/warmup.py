"""Warm-up before the window: it fills caches, raises clocks and runs every tensor shape once.

The fixed part runs `n_warmup` iterations over the measured batches, widest first, with reduced output. With
convergence detection the widest batch is then repeated until its latency is steady. The work is the same each time, so
a change in latency comes from the machine.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from llenergymeasure.config.sections import WarmupConfig
from llenergymeasure.domain.measurements import WarmupResult
from llenergymeasure.protocols import Batch, Clock, InferenceEngine


def warm_up(config: WarmupConfig, engine: InferenceEngine, batches: Sequence[Batch], clock: Clock) -> WarmupResult:
    """Run the warm-up, without the thermal floor, and return its figures."""
    widest_first = sorted(batches, key=lambda batch: -batch.padded_length)
    start_s = clock.now()
    run = _Run(config, engine, clock)
    for index in range(config.n_warmup):
        run.iterate(widest_first[index % len(widest_first)])
    converged, cv = None, None
    if config.convergence_detection:
        converged, cv = _until_steady(config, run, widest_first[0])
    return WarmupResult(
        converged=converged,
        final_cv=cv,
        iterations_completed=len(run.latencies_ms),
        target_cv=config.cv_threshold,
        max_prompts=config.max_prompts,
        latencies_ms=tuple(run.latencies_ms),
        duration_sec=clock.now() - start_s,
        thermal_floor_wait_s=0.0,
        prompts_excluded=run.prompts,
    )


class _Run:
    def __init__(self, config: WarmupConfig, engine: InferenceEngine, clock: Clock) -> None:
        self._config, self._engine, self._clock = config, engine, clock
        self.latencies_ms: list[float] = []
        self.prompts = 0

    def iterate(self, batch: Batch) -> float:
        start_s = self._clock.now()
        self._engine.run([batch], max_new_tokens=self._config.max_new_tokens)
        latency_ms = 1000 * (self._clock.now() - start_s)
        self.latencies_ms.append(latency_ms)
        self.prompts += len(batch.prompt_indices)
        return latency_ms


def _until_steady(config: WarmupConfig, run: _Run, batch: Batch) -> tuple[bool, float | None]:
    latest: list[float] = []
    cv: float | None = None
    while len(run.latencies_ms) < config.max_prompts:
        latest.append(run.iterate(batch))
        if len(latest) >= config.window_size:
            cv = coefficient_of_variation(latest[-config.window_size :])
            if cv < config.cv_threshold:
                return True, cv
    return False, cv


def coefficient_of_variation(values: Sequence[float]) -> float:
    """Sample standard deviation over mean; 0 when the mean is 0."""
    mean = statistics.fmean(values)
    return statistics.stdev(values) / mean if mean else 0.0
