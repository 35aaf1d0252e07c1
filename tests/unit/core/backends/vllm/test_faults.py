"""Errors of vLLM name a fix that exists on the device."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch")
pytest.importorskip("transformers")

from llenergymeasure.config.loader import build_experiment_config  # noqa: E402
from llenergymeasure.core.backends.vllm.faults import explained  # noqa: E402
from llenergymeasure.exceptions import OutOfMemory  # noqa: E402


def out_of_memory(on_cpu, **fields):
    config = build_experiment_config({"model": "org/model", "backend": "vllm"}, fields)
    with pytest.raises(OutOfMemory) as caught, explained("loading", config, lambda: on_cpu):
        raise MemoryError
    return str(caught.value)


def test_a_gpu_without_memory_gets_a_smaller_share_of_it():
    message = out_of_memory(on_cpu=False, **{"vllm.max_num_seqs": 64})
    assert "(max_num_seqs 64, gpu_memory_utilization not set, bf16)" in message
    assert "lower vllm.gpu_memory_utilization, vllm.max_num_seqs" in message
    assert "VLLM_CPU_KVCACHE_SPACE" not in message


def test_a_cpu_without_memory_gets_a_smaller_kv_cache():
    message = out_of_memory(on_cpu=True, **{"vllm.max_model_len": 512})
    assert "(max_num_seqs not set, max_model_len 512, bf16)" in message
    assert "lower vllm.max_model_len, vllm.max_num_seqs" in message
    assert "passthrough_kwargs.kv_cache_memory_bytes" in message
    assert "VLLM_CPU_KVCACHE_SPACE" in message
    assert "gpu_memory_utilization" not in message


def test_a_share_of_the_memory_of_a_cpu_that_was_set_is_named():
    message = out_of_memory(on_cpu=True, **{"vllm.gpu_memory_utilization": 0.9})
    assert "lower vllm.gpu_memory_utilization (0.9)" in message
