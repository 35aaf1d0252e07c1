"""Memory is that of this process or of its device; that of vLLM's own processes is not claimed."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

from llenergymeasure.core.backends.pytorch.memory import CudaMemory, ProcessMemory  # noqa: E402
from llenergymeasure.core.backends.vllm.memory import memory_of  # noqa: E402


def test_one_device_has_its_own_peak():
    assert isinstance(memory_of(("cpu",), 1), ProcessMemory)
    assert isinstance(memory_of(("cuda:0",), 1), CudaMemory)


@pytest.mark.parametrize("devices", [("cuda:0", "cuda:1"), ("cpu",)])
def test_memory_of_several_processes_is_not_known_and_has_a_reason(devices):
    memory = memory_of(devices, 2)
    memory.reset()
    peak_mb, source = memory.peak_mb()
    assert peak_mb is None
    assert source.startswith("unknown")
