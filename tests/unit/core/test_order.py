"""The order of a measurement, and nothing else."""

from __future__ import annotations

import pytest

from fakes import FakeHost, FakePrompts, RecordingProgress, a_snapshot
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.latency import MemoryCollector, TokenCollector
from llenergymeasure.core.flops.collectors import PalmFlopsCollector
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.exceptions import ExperimentError
from llenergymeasure.testing import FakeClock, FakeLoader, FakeMeter, Log, metering


def instruments(clock: FakeClock, log: Log) -> Instruments:
    def snapshot(engine):
        log("snapshot")
        return a_snapshot()

    return Instruments(
        metering=metering(FakeMeter(log=log)),
        prompts=FakePrompts(2),
        snapshot=snapshot,
        collectors=(TokenCollector(), MemoryCollector(), FakeHost(log), PalmFlopsCollector()),
        clock=clock,
        progress=RecordingProgress(log),
    )


def run(log: Log, repeats: int = 1, loader: FakeLoader | None = None, **fields) -> list[str]:
    clock = FakeClock()
    config = ExperimentConfig(
        model="m", n=2, max_output_tokens=4, pytorch={"batch_size": 2}, warmup={"n_warmup": 1, **fields.pop("warmup", {})},
        **fields,
    )  # fmt: skip
    with open_experiment(config, loader or FakeLoader(clock, log), instruments(clock, log)) as experiment:
        for _ in range(repeats):
            experiment.measure()
    return log.lines


MEASURE_ONCE = [
    "engine.synchronise",
    "meter.open_window",
    "engine.reset_peak_memory",
    "collector.arm",
    "engine.run",
    "engine.peak_memory_mb",
    "collector.stop",
    "meter.close",
    "meter.abandon",
    "collector.collect",
]
BASELINE = ["meter.open_window", "meter.close", "meter.abandon"]
WARM_UP = ["engine.run warm-up of 16"]


def test_an_experiment_goes_baseline_load_prepare_snapshot_warm_up_window_collect_release():
    assert run(Log()) == [
        *BASELINE, "loader.load", "engine.prepare", "snapshot", *WARM_UP, *MEASURE_ONCE, "engine.release", "progress.done",
    ]  # fmt: skip


def test_a_baseline_after_load_comes_between_snapshot_and_warm_up():
    assert run(Log(), baseline={"when": "after_load"}) == [
        "loader.load", "engine.prepare", "snapshot", *BASELINE, *WARM_UP, *MEASURE_ONCE, "engine.release", "progress.done",
    ]  # fmt: skip


def test_repeats_share_one_baseline_one_load_and_one_warm_up():
    lines = run(Log(), repeats=3)
    assert lines.count("loader.load") == 1
    assert lines.count("engine.run warm-up of 16") == 1
    assert lines[-2 - 3 * len(MEASURE_ONCE) : -2] == MEASURE_ONCE * 3


def test_a_failing_engine_still_closes_the_meter_and_releases_the_model():
    log = Log()
    with pytest.raises(ExperimentError, match="on fire"):
        run(log, loader=FakeLoader(FakeClock(), log, fail_in_run=2))
    assert log.lines[-4:] == ["engine.run", "meter.abandon", "engine.release", "progress.done"]


def test_a_failing_loader_ends_progress_and_releases_nothing():
    log = Log()
    with pytest.raises(ExperimentError, match="no such weights"):
        run(log, loader=FakeLoader(FakeClock(), log, fail=True))
    assert log.lines == [*BASELINE, "loader.load", "progress.done"]
