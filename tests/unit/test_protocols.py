"""Each role of a measurement: a production implementation and a fake that keep the same protocol."""

from __future__ import annotations

import pytest

from fakes import FakeHost, MemoryRepository
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.collect.host import HostCollector
from llenergymeasure.core.collect.latency import LatencyCollector, MemoryCollector, PhaseCollector, TokenCollector
from llenergymeasure.core.energy.null import NullMeter
from llenergymeasure.core.flops.collectors import ExactFlopsCollector, PalmFlopsCollector
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.sampling.no_sensors import NoSensors
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.protocols import (
    Clock,
    EnergyBackend,
    InferenceEngine,
    MetricsCollector,
    ModelLoader,
    ResultsRepository,
    Sampler,
)
from llenergymeasure.results.store import FolderRepository
from llenergymeasure.testing import FakeClock, FakeEngine, FakeLoader, FakeMeter

CONFIG = ExperimentConfig(model="m")
COLLECTORS = [
    TokenCollector(), LatencyCollector(), PhaseCollector(), MemoryCollector(), HostCollector(), PalmFlopsCollector(),
    ExactFlopsCollector(), FakeHost(),
]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "protocol"),
    [
        (SystemClock(), Clock),
        (FakeClock(), Clock),
        (NullMeter(), EnergyBackend),
        (FakeMeter(), EnergyBackend),
        (FakeLoader(FakeClock()), ModelLoader),
        (FakeEngine(CONFIG, FakeClock()), InferenceEngine),
        (NoSensors(), Sampler),
        (FolderRepository("."), ResultsRepository),
        (MemoryRepository(), ResultsRepository),
        *((collector, MetricsCollector) for collector in COLLECTORS),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_part_keeps_its_protocol(part, protocol):
    assert isinstance(part, protocol)


@pytest.mark.torch
def test_the_transformers_loader_keeps_the_protocol_of_loaders():
    pytest.importorskip("torch")
    from llenergymeasure.core.backends.pytorch.generation.engine import TransformersEngine
    from llenergymeasure.core.backends.pytorch.loading import TransformersLoader

    assert isinstance(TransformersLoader(FakeClock()), ModelLoader)
    missing = {name for name in dir(InferenceEngine) if not name.startswith("_")} - set(dir(TransformersEngine))
    assert missing <= {"info", "tokenizer"}  # set when it is made


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda c: type(c).__name__)
def test_a_collector_fills_a_field_of_the_result(collector):
    assert collector.block in ExperimentResult.model_fields


def test_the_system_clock_moves_forward_and_has_utc():
    clock = SystemClock()
    before, cpu = clock.now(), clock.cpu_seconds()
    sum(range(100_000))
    assert clock.now() > before
    assert clock.cpu_seconds() >= cpu
    assert clock.utc_now().utcoffset().total_seconds() == 0
