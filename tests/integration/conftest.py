"""A process with torch and transformers that is forked, so that programs of tests need not import them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forked import Forker

ONE_EXPERIMENT = """
from llenergymeasure import run_experiment
from tiny import TINY
run_experiment(**TINY, energy={"backend": "null"})
"""


@pytest.fixture(scope="session")
def quick() -> Iterator[Forker]:
    """Stands for Python where a test needs a process of its own, and it does not matter how that one began."""
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    environ = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    forker = Forker("transformers", environ, ONE_EXPERIMENT)
    yield forker
    forker.close()
