"""vLLM keeps the contract of every engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("torch")

from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.core.backends.vllm.loading import VLLMLoader
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.testing import EngineBench, EngineContract, engine_bench


@pytest.fixture(scope="module")
def bench(small) -> Iterator[EngineBench]:
    clock = SystemClock()
    config = build_experiment_config({"model": "builtin/tiny-llama", "backend": "vllm", "max_output_tokens": 5}, small)
    with engine_bench(config, VLLMLoader(clock), clock) as opened:
        yield opened


class TestVLLM(EngineContract):
    """All of it."""
