"""Warm-up before the window: it fills caches, raises clocks and runs every tensor shape once.

The fixed part runs `n_warmup` iterations over the measured batches, widest first, with reduced output. If one of them
compiled something, every shape of the window is run, until a pass compiles nothing. With convergence detection the widest
batch is then repeated until its latency is steady. The work is the same each time, so a change in latency comes from the
machine.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from llenergymeasure.config.sections import WarmupConfig
from llenergymeasure.core.collect.check_records import records_of
from llenergymeasure.core.collect.traffic.check import check_counted
from llenergymeasure.core.shapes import runs_covering_shapes
from llenergymeasure.domain.measurements import WarmupResult
from llenergymeasure.exceptions import BackendError, Unanswered
from llenergymeasure.progress import Progress, Silent
from llenergymeasure.protocols import Batch, Clock, InferenceEngine, RunOutput
from llenergymeasure.records import RunRecords
from llenergymeasure.resilience import retry

# A CUDA graph is recorded at the second run of its shape; the pass after that confirms that nothing is compiled.
MOST_PASSES = 4


def warm_up(
    config: WarmupConfig,
    engine: InferenceEngine,
    batches: Sequence[Batch],
    clock: Clock,
    output_limit: int,
    every_step: bool = False,
    progress: Progress | None = None,
) -> WarmupResult:
    """Run the warm-up, without the thermal floor, and return its figures.

    Args:
        config: settings of the warm-up.
        engine: the loaded model.
        batches: the batches of the window.
        clock: the clock of the measurement.
        output_limit: most tokens per row in the window.
        every_step: see `runs_covering_shapes`.
        progress: receives a step for the runs of all shapes, which may take long.

    Raises:
        BackendError: the engine failed, or nothing counts the tokens of a server.
    """
    widest_first = sorted(batches, key=lambda batch: -batch.padded_length)
    start_s = clock.now()
    run = _Run(engine, clock, progress or Silent())
    for index in range(config.n_warmup):
        run.iterate(widest_first[index % len(widest_first)], config.max_new_tokens)
    shapes = _Shapes(run, clock, runs_covering_shapes(batches, output_limit, every_step))
    if run.compilations:
        shapes.run_all(progress or Silent())
    converged, cv = None, None
    if config.convergence_detection:
        converged, cv = _until_steady(config, run, widest_first[0])
    check_counted(run.records)  # a server whose tokens nothing counts is found before the window
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
        shapes=shapes.count if run.compilations else None,
        shapes_sec=shapes.seconds if run.compilations else None,
        compilations=run.compilations,
        compiling_sec=None if run.compilations is None else run.compiling_s,
    )


class _Run:
    """The iterations of the warm-up so far."""

    def __init__(self, engine: InferenceEngine, clock: Clock, progress: Progress) -> None:
        self._engine, self._clock, self._progress = engine, clock, progress
        self.latencies_ms: list[float] = []
        self.records: list[RunRecords] = []
        self.prompts = 0
        self.compilations: int | None = None
        self.compiling_s = 0.0

    def iterate(self, batch: Batch, new_tokens: int) -> float:
        """Run one iteration and record its latency in ms; that of the last try where a server did not answer at once.

        Raises:
            BackendError: the engine failed.
        """

        def tried() -> tuple[float, RunOutput]:
            start_s = self._clock.now()
            output = self._engine.run([batch], max_new_tokens=new_tokens)
            return 1000 * (self._clock.now() - start_s), output

        try:
            latency_ms, output = retry(tried, passing=self._may_pass, sleep=self._clock.sleep)
        except Unanswered as error:
            # A request of the warm-up is alone, so its failure shows nothing about the load.
            raise BackendError(str(error)) from error
        self.latencies_ms.append(latency_ms)
        self.records.append(records_of(output))
        self._count(batch, self.records[-1])
        return latency_ms

    def _may_pass(self, error: BaseException) -> bool:
        if not isinstance(error, Unanswered) or not error.may_pass:
            return False
        self._progress.note(f"{error}; it is sent again")
        return True

    def run_shape(self, batch: Batch, new_tokens: int) -> None:
        """Run one shape, without recording its latency."""
        self._count(batch, records_of(self._engine.run([batch], max_new_tokens=new_tokens)))

    def _count(self, batch: Batch, records: RunRecords) -> None:
        self.prompts += len(batch.prompt_indices)
        for record in records.batches:
            if record.compilations is not None:
                self.compilations = (self.compilations or 0) + record.compilations
                self.compiling_s += record.compiling_s


class _Shapes:
    """The distinct shapes of the window."""

    def __init__(self, run: _Run, clock: Clock, runs: Sequence[tuple[Batch, int]]) -> None:
        self._run, self._clock, self._runs = run, clock, runs
        self.count = len(runs)
        self.seconds = 0.0

    def run_all(self, progress: Progress) -> None:
        """Run all shapes repeatedly, until a pass compiles nothing."""
        start_s = self._clock.now()
        for number in range(1, MOST_PASSES + 1):
            progress.step(f"warm-up of {self.count} shapes, pass {number}")
            before = self._run.compilations
            for batch, new_tokens in self._runs:
                self._run.run_shape(batch, new_tokens)
            if self._run.compilations == before:
                break
        self.seconds = self._clock.now() - start_s


def _until_steady(config: WarmupConfig, run: _Run, batch: Batch) -> tuple[bool, float | None]:
    latest: list[float] = []
    cv: float | None = None
    while len(run.latencies_ms) < config.max_prompts:
        latest.append(run.iterate(batch, config.max_new_tokens))
        if len(latest) >= config.window_size:
            cv = coefficient_of_variation(latest[-config.window_size :])
            if cv < config.cv_threshold:
                return True, cv
    return False, cv


def coefficient_of_variation(values: Sequence[float]) -> float:
    """Sample standard deviation over mean; 0 when the mean is 0."""
    mean = statistics.fmean(values)
    return statistics.stdev(values) / mean if mean else 0.0
