"""What vLLM would refuse only after a long load is found from files."""

from __future__ import annotations

from typing import Any

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.orchestration.model.model_types import ModelTypes
from llenergymeasure.orchestration.model.prompts import prompt_findings
from llenergymeasure.orchestration.model.required_files import ModelFiles
from llenergymeasure.orchestration.vllm_model import architecture_findings, architectures_in, cache_findings

# 2 layers x 2 (keys and values) x 4 heads x 64 x 2 bytes = 2 KiB per token; 512 KiB tokens are 1 GiB.
LLAMA = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 256, "num_attention_heads": 4,
    "num_key_value_heads": 4, "num_hidden_layers": 2, "intermediate_size": 512, "vocab_size": 100,
    "max_position_embeddings": 1024 * 1024,
}  # fmt: skip
TYPES = ModelTypes({"llama": "LlamaForCausalLM", "new": "NewForCausalLM"}, {}, {})
SOURCE = """
_TEXT_MODELS = {"LlamaForCausalLM": ("llama", "L"), "OwnForCausalLM": ("own", "O")}
_POOLING_MODELS: dict = {}
_EMBEDDING_MODELS = {"BertModel": ("bert", "B")}
_SPECULATIVE_DECODING_MODELS = {"HeadForCausalLM": ("head", "H")}
_VLLM_MODELS = {**_TEXT_MODELS}
_OTHER = {"NotAModel": 1}
"""


def model(**config: Any) -> ModelFiles:
    return ModelFiles("model", "org/m", {**LLAMA, **config}, None)


def experiment(**fields: Any) -> ExperimentConfig:
    return ExperimentConfig(**{"model": "org/m", "backend": "vllm", "n": 2, "max_output_tokens": 16, **fields})


def test_the_architectures_with_which_vllm_generates_are_read_from_its_source() -> None:
    assert architectures_in(SOURCE) == {"LlamaForCausalLM", "OwnForCausalLM"}
    assert architectures_in("def broken(") is architectures_in("a = 1") is None


def test_an_architecture_that_neither_vllm_nor_transformers_knows_is_found() -> None:
    known = architectures_in(SOURCE)
    [finding] = architecture_findings(model(architectures=["OddForCausalLM"]), known, TYPES)
    assert (
        finding.problem
        == "model 'org/m' has the architecture OddForCausalLM, with which the installed vLLM does not generate text"
    )
    assert "set backend: pytorch" in finding.fix


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"architectures": ["OwnForCausalLM"]},
        {"architectures": ["NewForCausalLM"]},
        {"architectures": None},
        {"architectures": ["X"], "auto_map": {"AutoModelForCausalLM": "code.X"}},
    ],
    ids=["of both", "of vllm alone", "through transformers", "not named", "own code"],
)
def test_an_architecture_that_may_run_is_no_finding(config: dict[str, Any]) -> None:
    assert list(architecture_findings(model(**config), architectures_in(SOURCE), TYPES)) == []


def test_without_the_tables_there_is_no_finding() -> None:
    odd = model(architectures=["Odd"])
    assert [*architecture_findings(odd, None, TYPES), *architecture_findings(odd, frozenset("a"), None)] == []


def found(
    config: ExperimentConfig, environ: dict[str, str] | None = None, on_cpu: bool = True
) -> list[tuple[str, str]]:
    return [(each.problem, each.fix) for each in cache_findings(config, model(), environ or {}, lambda: on_cpu)]


def test_a_cache_that_cannot_hold_one_prompt_of_the_longest_length_is_found() -> None:
    [(problem, fix)] = found(experiment())
    assert problem == (
        "the KV cache of one prompt of 1048576 tokens (vllm.max_model_len) takes 2 GiB, and vLLM has 1 GiB for it on this CPU"
    )
    assert fix == "set vllm.max_model_len: 524160, or set the environment variable VLLM_CPU_KVCACHE_SPACE=3 (GiB)"


@pytest.mark.parametrize(
    ("section", "environ"),
    [
        ({"max_model_len": 524160}, {}),
        ({"max_model_len": 524256, "block_size": 32}, {}),
        ({}, {"VLLM_CPU_KVCACHE_SPACE": "3"}),
        ({"kv_cache_dtype": "fp8", "max_model_len": 1024 * 1024 - 128}, {}),
        ({"gpu_memory_utilization": 0.5}, {}),
        ({"tensor_parallel_size": 2}, {}),
        ({"kv_cache_dtype": "nvfp4"}, {}),
        ({}, {"VLLM_CPU_KVCACHE_SPACE": "much"}),
    ],
)
def test_a_cache_that_fits_or_whose_size_is_not_known_is_no_finding(section: Any, environ: dict[str, str]) -> None:
    assert found(experiment(vllm=section), environ) == []


def test_vllm_keeps_one_block_for_itself() -> None:
    """Seen with vLLM 0.32: 1 GiB holds 524,288 tokens of this size, and the longest prompt has 524,160."""
    assert found(experiment(vllm={"max_model_len": 524161})) != []


def test_no_length_beyond_the_positions_of_the_model_is_advised() -> None:
    config = experiment(vllm={"max_model_len": 1024 * 1024})
    assert list(cache_findings(config, model(max_position_embeddings=4096), {}, lambda: True)) == []


def test_the_size_that_was_chosen_counts() -> None:
    assert "VLLM_CPU_KVCACHE_SPACE=3" in found(experiment(), {"VLLM_CPU_KVCACHE_SPACE": "1"})[0][1]
    assert found(experiment(passthrough_kwargs={"kv_cache_memory_bytes": 2**30})) != []
    assert found(experiment(passthrough_kwargs={"kv_cache_memory_bytes": 2**32})) == []


def test_on_a_gpu_the_size_follows_from_its_memory() -> None:
    assert found(experiment(), on_cpu=False) == []


def too_long(section: dict[str, Any], **synthetic: int) -> list[tuple[str, str]]:
    dataset = {"n": 2, "input_len": 48, "output_len": 16, **synthetic}
    config = experiment(dataset=dataset, vllm=section)
    return [(each.problem, each.fix) for each in prompt_findings(config, model(max_position_embeddings=64))]


def test_a_prompt_with_its_output_fills_the_length_exactly() -> None:
    assert too_long({}) == too_long({"max_model_len": 64}) == []


def test_a_prompt_and_output_that_are_longer_than_the_longest_length_are_found() -> None:
    [(problem, fix)] = too_long({}, input_len=49)
    assert problem == (
        "model 'org/m': a prompt of 49 tokens with 16 output tokens is longer than vllm.max_model_len, 64 tokens"
    )
    assert fix == "set max_input_tokens: 48, or raise vllm.max_model_len"
    assert "longer than vllm.max_model_len, 32 tokens" in too_long({"max_model_len": 32})[0][0]
