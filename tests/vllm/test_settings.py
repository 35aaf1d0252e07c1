"""Every field of the section arrives at real vLLM, as it reads back; what cannot run here is listed with its reason."""

from __future__ import annotations

import pytest

from llenergymeasure.config.introspection import parameters

# Values other than vLLM's defaults, which work together.
TOGETHER = {
    "vllm.max_num_seqs": 7,
    "vllm.max_num_batched_tokens": 640,
    "vllm.max_model_len": 320,
    "vllm.gpu_memory_utilization": 0.2,
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
    with engine_of(**TOGETHER) as engine:
        found = engine.info.effective_settings
    assert {name: found[name.removeprefix("vllm.")] for name in TOGETHER} == TOGETHER


@pytest.mark.parametrize("fields", ALONE.values(), ids=ALONE)
def test_a_field_arrives_alone(engine_of, fields):
    with engine_of(**fields) as engine:
        found = engine.info.effective_settings
        requests = engine.run(engine.prepare([[5, 6, 7] * 10])).records().requests
    assert {name: found[name.removeprefix("vllm.")] for name in fields} == fields
    assert requests[0].output_tokens == 16


def test_a_setting_that_vllm_ignores_here_is_read_back_as_it_is(engine_of):
    with engine_of(**{"vllm.attention_backend": "TRITON_ATTN"}) as engine:
        assert engine.info.effective_settings["attention_backend"] == "CPU_ATTN"


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
    assert info.n_matmul_parameters == info.n_matmul_parameters_counted
    assert info.memory_mb == pytest.approx(2 * info.n_parameters / 1e6)
    assert info.load_seconds > 0
    assert (info.max_positions, info.effective_settings["max_model_len"]) == (4096, 512)
    assert info.effective_settings["kv_cache_bytes"] == 2**27
