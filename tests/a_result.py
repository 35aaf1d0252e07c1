"""A small result whose numbers can be checked by hand: 20 tokens in 2 s at 100 W."""

from __future__ import annotations

from fakes import FakeHost, FakePrompts, a_snapshot
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.latency import LatencyCollector, MemoryCollector, PhaseCollector, TokenCollector
from llenergymeasure.core.flops.collectors import PalmFlopsCollector
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.domain.energy import BaselineResult, EnergyReading, MeterChoice
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.sensors import TimeSeries
from llenergymeasure.protocols import Metering
from llenergymeasure.testing import FakeClock, FakeLoader

_SNAPSHOT = a_snapshot().model_copy(update={"timestamp_utc": "2026-01-02T03:04:05+00:00"})


def a_result(energy_j: float | None = 200.0, timeseries: TimeSeries | None = None, **fields) -> ExperimentResult:
    """The same result every time; two prompts of ten tokens."""
    from llenergymeasure.testing import FakeMeter

    clock = FakeClock()
    parts = Instruments(
        metering=Metering(FakeMeter(), MeterChoice(name="fake", reason="handed in by a test")),
        prompts=FakePrompts(2),
        snapshot=lambda engine: _SNAPSHOT,
        collectors=(
            TokenCollector(), LatencyCollector(), PhaseCollector(), MemoryCollector(), FakeHost(), PalmFlopsCollector(),
        ),
        clock=clock,
    )  # fmt: skip
    config = ExperimentConfig(
        model="builtin/tiny-llama", n=2, max_output_tokens=10, baseline={"enabled": False},
        warmup={"n_warmup": 1, "thermal_floor_seconds": 0}, **fields,
    )  # fmt: skip
    with open_experiment(config, FakeLoader(clock), parts) as experiment:
        measured = experiment.measure()
    energy = EnergyReading(
        meter="fake", energy_j=energy_j, method=None if energy_j is None else "counter",
        uncertainty_j=None if energy_j is None else 10.0, reason="no sensor" if energy_j is None else None,
        per_device_j=None if energy_j is None else {"GPU-0": energy_j}, n_readings=20,
    )  # fmt: skip
    baseline = BaselineResult(power_w=40.0, method="counter", provenance="fresh", age_sec=0.0, duration_sec=30.0)
    return measured.model_copy(
        update={
            "energy": energy, "baseline": baseline, "duration_sec": 2.0, "timeseries": timeseries,
            "started_at": "2026-01-02T03:04:05.000+00:00",
        }
    )  # fmt: skip


def a_timeseries() -> TimeSeries:
    """Two seconds of one GPU at 100 W."""
    return TimeSeries(
        timestamp_s=(0.0, 1.0), gpu_index=(0, 0), power_w=(100.0, 100.0), temperature_c=(50.0, None),
        memory_used_mb=(10.0, 10.0), memory_total_mb=(80.0, 80.0), sm_utilisation_pct=(99.0, 98.0),
        throttle_reasons=(0, None), energy_j=(100.0, 100.0),
    )  # fmt: skip
