"""Every field of the section arrives at real vLLM, as it reads back; what cannot run here is listed with its reason."""

from __future__ import annotations

import os

import pytest

from llenergymeasure.config.introspection import parameters
from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.core.quality.applied import NotApplied, not_applied
from llenergymeasure.domain.settings import used_settings

# 2 GiB of the host's memory: that of this process, and the rest for the KV cache.
SHARE = round(2 * 2**30 / (os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")), 3)
# Values other than vLLM's defaults, which work together.
TOGETHER = {
    "vllm.max_num_seqs": 7,
    "vllm.max_num_batched_tokens": 640,
    "vllm.max_model_len": 320,
    "vllm.gpu_memory_utilization": SHARE,
    "vllm.enable_prefix_caching": True,
    "vllm.enable_chunked_prefill": False,
    "vllm.block_size": 32,
    "vllm.kv_cache_dtype": "bfloat16",
    "vllm.enforce_eager": True,
    "vllm.load_format": "dummy",
    "vllm.attention_backend": "CPU_ATTN",
    "vllm.revision": "abc",
    "vllm.trust_remote_code": True,
}
# Those that exclude others.
ALONE = {"vllm.enable_lora": {"vllm.enable_lora": True}}
# Tested with processes of their own in test_processes.py, or not here.
ELSEWHERE = {
    "vllm.speculative.model": "test_processes.py: after it, vLLM for CPUs cannot load a second model in the same process",
    "vllm.speculative.num_tokens": "as above",
    "vllm.tensor_parallel_size": "test_processes.py",
    "vllm.pipeline_parallel_size": "vLLM for CPUs has no stages",
    "vllm.quantization": "the formats need a quantised checkpoint or a GPU",
}


def test_every_field_of_the_section_is_tested_or_its_reason_is_known():
    names = {parameter.name for parameter in parameters() if parameter.name.startswith("vllm.")}
    assert names - {"vllm.speculative"} == set(TOGETHER) | set(ALONE) | set(ELSEWHERE)


def test_fields_arrive_together(engine_of):
    with engine_of(**TOGETHER, passthrough_kwargs=None) as engine:
        found = engine.info.effective_settings
    assert {name: found[name.removeprefix("vllm.")] for name in TOGETHER} == TOGETHER


@pytest.mark.parametrize("fields", ALONE.values(), ids=ALONE)
def test_a_field_arrives_alone(engine_of, fields):
    with engine_of(**fields) as engine:
        found = engine.info.effective_settings
        requests = engine.run(engine.prepare([[5, 6, 7] * 10])).records().requests
    assert {name: found[name.removeprefix("vllm.")] for name in fields} == fields
    assert requests[0].output_tokens == 16


def test_settings_that_vllm_ignores_here_are_named_with_the_value_that_it_uses(engine_of, small):
    """There is one kernel for CPUs, a size of the cache replaces the share of the memory, and greedy decoding has no `min_p`."""
    asked = {
        "vllm.attention_backend": "TRITON_ATTN",
        "vllm.gpu_memory_utilization": 0.5,
        "passthrough_kwargs": {**small["passthrough_kwargs"], "min_p": 0.1},
    }
    with engine_of(**asked) as engine:
        settings = used_settings(engine.info)
    base = {"model": "builtin/tiny-llama", "backend": "vllm", "max_output_tokens": 16}
    assert list(not_applied(build_experiment_config(base, {**small, **asked}), settings)) == [
        NotApplied("vllm.attention_backend", "TRITON_ATTN", "CPU_ATTN"),
        NotApplied("vllm.gpu_memory_utilization", 0.5, None),
        NotApplied("passthrough_kwargs.min_p", 0.1, None),
    ]


def test_the_model_is_described(engine_of):
    with engine_of() as engine:
        info = engine.info
    assert (info.device, info.devices, info.dtype, info.architecture) == (
        "cpu",
        ("cpu",),
        "bfloat16",
        "LlamaForCausalLM",
    )
    assert info.n_parameters == 7_639_296  # of docs/models: the tied embedding counts once
    assert info.n_matmul_parameters == 7_634_944  # by the configuration; nothing counts the modules of vLLM
    assert info.n_matmul_parameters_counted is None
    assert info.memory_mb == pytest.approx(2 * info.n_parameters / 1e6)
    assert info.load_seconds > 0
    assert (info.max_positions, info.effective_settings["max_model_len"]) == (4096, 512)
    assert info.effective_settings["kv_cache_bytes"] == 2**27
