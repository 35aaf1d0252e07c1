"""The contract of every engine, real or fake. Those of vLLM are in tests/vllm."""

from __future__ import annotations

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.testing import EngineContract, FakeClock, FakeLoader, engine_bench

# Sections of the backend pytorch: how its engine groups prompts and keeps its cache.
SECTIONS = {
    "one by one": {},
    "batches": {"batch_size": 3},
    "dynamic batches": {"batch_size": 2, "batching_strategy": "dynamic"},
    "static cache": {"batch_size": 2, "cache_implementation": "static"},
}


def config(**section):
    return ExperimentConfig(
        model="builtin/tiny-llama", precision="fp32", max_output_tokens=5, pytorch={"device": "cpu", **section}
    )


def transformers_loader(clock):
    pytest.importorskip("transformers")
    from llenergymeasure.core.backends.pytorch.loading import TransformersLoader

    return TransformersLoader(clock)


@pytest.fixture(
    scope="module",
    params=["fake", *(pytest.param(name, marks=pytest.mark.torch) for name in SECTIONS)],
)
def bench(request):
    fake = request.param == "fake"
    clock = FakeClock() if fake else SystemClock()
    loader = FakeLoader(clock) if fake else transformers_loader(clock)
    with engine_bench(config(**SECTIONS.get(request.param, {"batch_size": 2})), loader, clock) as opened:
        yield opened


class TestEngines(EngineContract):
    """Each of them."""
