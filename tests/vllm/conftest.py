"""Real vLLM, on this machine's CPU. Without it, these tests are skipped with the reason; `make test-vllm` runs them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.core.backends.vllm.generation.engine import VLLMEngine
from llenergymeasure.core.machine.clock import SystemClock

HERE = Path(__file__).parent
# Small and quick to load: no compilation, short sequences, a small cache.
SMALL = {
    "vllm.enforce_eager": True,
    "vllm.max_model_len": 512,
    "passthrough_kwargs": {"kv_cache_memory_bytes": 2**27},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs vLLM where it is not installed.

    The folder of these tests has its name and is on the path: a folder without `__init__.py` is found too, without an origin.
    """
    found = find_spec("vllm")
    if found is not None and found.origin is not None:
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="needs vLLM; set it up with: make vllm"))


@contextmanager
def an_engine(**fields) -> Iterator[VLLMEngine]:
    """The tiny model in vLLM, released at the end of the block."""
    from llenergymeasure.core.backends.vllm.loading import VLLMLoader

    base = {"model": "builtin/tiny-llama", "backend": "vllm", "max_output_tokens": 16}
    engine = VLLMLoader(SystemClock()).load(build_experiment_config(base, {**SMALL, **fields}))
    try:
        yield engine
    finally:
        engine.release()


@pytest.fixture(scope="session", autouse=True)
def offline() -> Iterator[None]:
    """No test asks the hub."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    yield
    if before is None:
        del os.environ["HF_HUB_OFFLINE"]
    else:
        os.environ["HF_HUB_OFFLINE"] = before


@pytest.fixture(scope="session")
def engine_of() -> Callable:
    """`an_engine`, for the modules of tests."""
    return an_engine


@pytest.fixture(scope="module")
def engine() -> Iterator[VLLMEngine]:
    """One engine for the tests of a module."""
    with an_engine() as loaded:
        yield loaded


@pytest.fixture(scope="session")
def small() -> dict[str, object]:
    """Settings with which the tiny model loads quickly."""
    return SMALL
