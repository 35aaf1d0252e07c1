"""Measures one experiment, in the same steps for every backend.

```
open     load . tokenise . snapshot . idle baseline . warm-up . thermal floor
measure  window . collect . draft . judge            (once per window; repeats share one opening)
close    release the model, always
```

The idle baseline comes first when `baseline.when` is before_load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from llenergymeasure._version import __version__
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.baseline import baseline_of
from llenergymeasure.core.check_parts import check_engine
from llenergymeasure.core.collect.check_records import check_prepared, checked_passes
from llenergymeasure.core.collect.compilation import compilation_of
from llenergymeasure.core.collect.host import with_server
from llenergymeasure.core.collect.phases import split_energy
from llenergymeasure.core.collect.scheduler import scheduler_of
from llenergymeasure.core.collect.timeline import timeline_of
from llenergymeasure.core.generation_settings import proposers, settings_of
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.core.model_limits import check_lengths, limits_of
from llenergymeasure.core.multi_gpu import spread_over
from llenergymeasure.core.quality.judgement import UNJUDGED, judged
from llenergymeasure.core.steps import loading_step, measuring_step
from llenergymeasure.core.warmup import warm_up
from llenergymeasure.core.window import RawWindow, measure_window
from llenergymeasure.datasets.prompts import TokenisedPrompts, tokenised
from llenergymeasure.domain.energy import BaselineResult, carbon_of
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.domain.measurements import WarmupResult
from llenergymeasure.domain.result_data import Methodology
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.timeline import Timeline
from llenergymeasure.exceptions import ExperimentError, LLEMError
from llenergymeasure.protocols import Batch, InferenceEngine, ModelLoader, TrafficEngine, Window
from llenergymeasure.records import Trace


@contextmanager
def open_experiment(
    config: ExperimentConfig, loader: ModelLoader, instruments: Instruments
) -> Iterator[OpenExperiment]:
    """Prepare an experiment for its first window; the model is always released at the end.

    Raises:
        ExperimentError: loading, warming up or measuring failed; `cause` is the original error.
    """
    experiment = OpenExperiment(config, instruments)
    try:
        experiment.prepare(loader)
        yield experiment
    except BaseException as error:
        experiment.release()
        instruments.model_cache.drop()  # the error may have left the model in a broken state
        if isinstance(error, LLEMError) and not isinstance(error, ExperimentError):
            raise ExperimentError(config, error) from error
        raise
    else:
        experiment.release()


class OpenExperiment:
    """An experiment that is loaded and warm: `measure` gives one result per window."""

    def __init__(self, config: ExperimentConfig, instruments: Instruments) -> None:
        self._config = config
        self._with = instruments
        self._started_s = instruments.clock.now()
        self._engine: InferenceEngine | None = None
        self._baseline: BaselineResult
        self._warmup: WarmupResult | None = None
        self._batches: Sequence[Batch] = ()
        self._prompts: TokenisedPrompts
        self._phases: list[tuple[float, str]] = []
        self._snapshot: EnvironmentSnapshot

    def prepare(self, loader: ModelLoader) -> None:
        """Baseline, load, tokenise, snapshot, warm up, thermal floor."""
        if self._config.baseline.when == "before_load":
            self._measure_baseline()
        self._load(loader)
        self._tokenise()
        self._snapshot = self._with.snapshot(self.engine)
        if self._config.baseline.when == "after_load":
            self._measure_baseline()
        self._warm_up()

    def measure(self) -> ExperimentResult:
        """Measure one window.

        Raises:
            BackendError: the engine failed in the window.
        """
        config, parts = self._config, self._with
        parts.progress.step(measuring_step(config, len(self._batches)))
        self._enter("window")
        raw = measure_window(
            self.engine,
            self._batches,
            parts.metering.meter,
            parts.clock,
            parts.process_group,
            parts.collectors,
            config.min_duration_seconds,
        )
        self._enter("idle")
        trace = parts.sampler.trace(raw.start_s, raw.end_s, self._started_s)
        window = self._window(raw)
        blocks: dict[str, Any] = {collector.block: collector.collect(window) for collector in parts.collectors}
        blocks["host"] = with_server(blocks["host"], blocks.get("server"))
        blocks["compilation"] = compilation_of(window.batches)
        blocks["scheduler"] = scheduler_of(window)
        if trace is not None:
            blocks["phase_energy"] = split_energy(
                window.requests, blocks.get("phases"), trace.energy_steps, raw.reading
            )
        timeline = timeline_of(self._phases, window, () if trace is None else trace.outside)
        return judged(self._draft(raw, blocks | _seen_by_sampler(trace), timeline))

    @property
    def engine(self) -> InferenceEngine:
        """The loaded model."""
        if self._engine is None:
            raise RuntimeError("the experiment is not open")
        return self._engine

    def release(self) -> None:
        """Free the model. Safe to call twice."""
        engine, self._engine = self._engine, None
        try:
            if engine is not None:
                engine.release()
        finally:
            self._with.progress.done()

    def _enter(self, phase: str) -> None:
        """Record that a new phase of the run begins."""
        self._phases.append((self._with.clock.now(), phase))

    def _measure_baseline(self) -> None:
        config, parts = self._config, self._with
        self._enter("idle")
        self._baseline = baseline_of(
            config.baseline,
            parts.metering.meter,
            parts.clock,
            self._wait,
            parts.baselines,
            config.config_hash,
            parts.sampler.trace,
            self._begin_baseline,
        )

    def _begin_baseline(self) -> None:
        """The idle power is measured, and not known from an earlier experiment."""
        config, parts = self._config.baseline, self._with
        parts.progress.step("idle baseline", config.duration_seconds)
        if config.when == "before_load":
            parts.model_cache.drop()

    def _load(self, loader: ModelLoader) -> None:
        self._enter("load")
        self._with.progress.step(loading_step(self._config))
        engine = loader.load(self._config)
        check_engine(engine)
        self._engine = engine
        for note in self._engine.info.notes:
            self._with.progress.note(note)

    def _tokenise(self) -> None:
        group, limit = self._with.process_group, self._config.max_input_tokens
        self._prompts = tokenised(self._with.prompts, self.engine.tokenizer, limit, group.rank, group.size)
        check_lengths(self._prompts.ids, self._config.output_limit, limits_of(self.engine.architecture))
        self._batches = self.engine.prepare(self._prompts.ids)
        check_prepared(self._batches, len(self._prompts.ids))

    def _warm_up(self) -> None:
        config, parts = self._config.warmup, self._with
        if not config.enabled:
            return
        self._enter("warmup")
        parts.progress.step("warm-up")
        warmup = warm_up(
            config,
            self.engine,
            self._batches,
            parts.clock,
            self._config.output_limit,
            every_step=bool(proposers(settings_of(self._config, self.engine.info))),
            progress=parts.progress,
        )
        self._enter("floor")
        start_s = parts.clock.now()
        if config.thermal_floor_seconds:
            parts.progress.step("thermal floor", config.thermal_floor_seconds)
            self._wait(config.thermal_floor_seconds)
        waited_s = parts.clock.now() - start_s if config.thermal_floor_seconds else 0.0
        self._warmup = warmup.model_copy(update={"thermal_floor_wait_s": waited_s})

    def _wait(self, seconds: float) -> None:
        """Wait in steps of at most 1 s, so that progress is shown and an interrupt takes effect."""
        clock, end_s = self._with.clock, self._with.clock.now() + seconds
        while (left_s := end_s - clock.now()) > 0:
            nap_s = min(left_s, 1.0)
            clock.sleep(nap_s)
            self._with.progress.advance(nap_s)

    def _window(self, raw: RawWindow) -> Window:
        return Window(
            start_s=raw.start_s,
            end_s=raw.end_s,
            cpu_seconds=raw.cpu_seconds,
            passes=checked_passes(
                raw.passes, self._batches, raw.start_s, raw.end_s, inside_traffic=raw.ramp_up_s is not None
            ),
            config=self._config,
            engine=self.engine,
            shapes_were_met=self._warmup is not None and self._warmup.shapes is not None,
            truncated_prompts=self._prompts.truncated,
            double_bos_prompts=self._prompts.double_bos,
            ramp_up_s=raw.ramp_up_s,
            drain_s=raw.drain_s,
        )

    def _dates(self) -> Callable[[float], datetime]:
        """Convert times of the monotonic clock to UTC, with a single reading of the wall clock.

        A wall clock that is set during the experiment then changes neither an order nor a duration.
        """
        utc, now_s = self._with.clock.utc_now(), self._with.clock.now()
        return lambda moment_s: utc - timedelta(seconds=now_s - moment_s)

    def _draft(self, raw: RawWindow, blocks: dict[str, Any], timeline: Timeline) -> ExperimentResult:
        """The result before its warnings and publication rules are added."""
        config, parts, info = self._config, self._with, self.engine.info
        return ExperimentResult(
            tool_version=__version__,
            config=config,
            measurement_config_hash=config.config_hash,
            **self._times(raw),
            meter=parts.metering.choice,
            energy=raw.reading,
            baseline=self._baseline,
            warmup=self._warmup,
            model_info=info,
            dataset=parts.prompts.info,
            environment_snapshot=self._snapshot,
            co2=carbon_of(raw.reading.energy_j, parts.carbon.intensity_gco2_kwh, parts.carbon.datacenter_pue),
            multi_gpu=spread_over(info, raw.reading),
            timeline=timeline,
            **blocks,
            **UNJUDGED,
        )

    def _methodology(self, raw: RawWindow) -> Methodology:
        """What the window leaves out: the traffic around it, the warm-up, or nothing."""
        if isinstance(self.engine, TrafficEngine):
            return "total" if raw.ramp_up_s is None else "windowed"
        return "steady_state" if self._warmup else "total"

    def _times(self, raw: RawWindow) -> dict[str, Any]:
        date, opened_s, methodology = self._dates(), self._started_s, self._methodology(raw)
        return {
            "started_at": date(opened_s).isoformat(timespec="milliseconds"),
            "finished_at": date(raw.end_s).isoformat(timespec="milliseconds"),
            "measurement_methodology": methodology,
            "steady_state_window": None if methodology == "total" else (raw.start_s - opened_s, raw.end_s - opened_s),
            "duration_sec": raw.end_s - raw.start_s,
            "window_utc": (date(raw.start_s).timestamp(), date(raw.end_s).timestamp()),
        }


def _seen_by_sampler(trace: Trace | None) -> dict[str, Any]:
    """The blocks of the result that the sampler fills; empty without sensors."""
    if trace is None:
        return {}
    return {
        "sampler": trace.report,
        "thermal_throttle": trace.throttling,
        "gpu_conditions": trace.conditions,
        "foreign_processes": trace.foreign_processes,
        "timeseries": trace.timeseries,
    }
