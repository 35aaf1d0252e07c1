"""Memory estimates by hand, for a model whose number of parameters is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.orchestration.model.vram import VramEstimate, estimate_for, estimate_vram

LLAMA_8B: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
}
N_PARAMETERS = 8_030_261_248
MIXTRAL: dict[str, Any] = {
    **LLAMA_8B,
    "model_type": "mixtral",
    "vocab_size": 32000,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
}
UNKNOWN: dict[str, Any] = {**LLAMA_8B, "model_type": "brand_new"}


def estimate(config_json: dict[str, Any], **changes: Any) -> VramEstimate:
    arguments: dict[str, Any] = {
        "precision": "bf16",
        "batch_size": 1,
        "input_tokens": 896,
        "output_tokens": 128,
        "weights_bytes": None,
        "quantization": None,
        **changes,
    }
    return estimate_vram(config_json, **arguments)


def test_a_known_model_takes_its_parameters_its_key_value_heads_and_15_percent() -> None:
    found = estimate(LLAMA_8B)
    # keys and values: 2 x 8 heads x 128 x 2 bytes x 32 layers = 131,072 bytes per position, 1,024 positions
    assert found.weights_mb == pytest.approx(2 * N_PARAMETERS / 1e6)
    assert found.kv_cache_mb == pytest.approx(131_072 * 1024 / 1e6)
    assert found.overhead_mb == pytest.approx(0.15 * (16060.522496 + 134.217728))
    assert found.total_mb == pytest.approx(1.15 * (16060.522496 + 134.217728))
    assert found.notes == ()


def test_full_precision_doubles_weights_and_cache() -> None:
    half, full = estimate(LLAMA_8B), estimate(LLAMA_8B, precision="fp32")
    assert half.total_mb is not None
    assert full.total_mb == pytest.approx(2 * half.total_mb)


def test_the_cache_grows_with_the_batch_and_the_weights_do_not() -> None:
    one, eight = estimate(LLAMA_8B), estimate(LLAMA_8B, batch_size=8)
    assert one.kv_cache_mb is not None
    assert eight.kv_cache_mb == pytest.approx(8 * one.kv_cache_mb)
    assert eight.weights_mb == one.weights_mb


def test_a_sliding_window_bounds_the_cache() -> None:
    mistral = {**LLAMA_8B, "model_type": "mistral", "sliding_window": 256}
    assert estimate(mistral).kv_cache_mb == pytest.approx(131_072 * 256 / 1e6)


def test_without_a_cache_nothing_is_kept() -> None:
    assert estimate(LLAMA_8B, use_cache=False).kv_cache_mb == 0


def test_quantisation_leaves_embedding_head_and_norms_unchanged() -> None:
    kept = 2 * 4096 * 128256 + (2 * 32 + 1) * 4096
    four, eight = estimate(LLAMA_8B, quantization="4bit"), estimate(LLAMA_8B, quantization="8bit")
    assert four.weights_mb == pytest.approx((0.5625 * (N_PARAMETERS - kept) + 2 * kept) / 1e6)
    assert eight.weights_mb == pytest.approx((N_PARAMETERS - kept + 2 * kept) / 1e6)


def test_quantisation_leaves_routed_experts_unchanged() -> None:
    whole, quantised = estimate(MIXTRAL).weights_mb, estimate(MIXTRAL, quantization="4bit").weights_mb
    attention = 32 * 2 * 4096 * 128 * (32 + 8)
    assert whole is not None
    assert quantised == pytest.approx(whole - (2 - 0.5625) * attention / 1e6)


def test_a_checkpoint_that_comes_quantised_takes_what_its_files_take() -> None:
    packed = {**LLAMA_8B, "quantization_config": {"quant_method": "gptq", "bits": 4}}
    assert estimate(packed, weights_bytes=5_000_000_000).weights_mb == 5000
    assert estimate(packed).total_mb is None


@pytest.mark.parametrize(
    ("stored_as", "precision", "weights_mb"),
    [("float32", "bf16", 500), ("bfloat16", "bf16", 1000), ("bfloat16", "fp32", 2000), (None, "bf16", 1000)],
)
def test_an_unknown_architecture_takes_its_files_in_the_precision_of_the_experiment(
    stored_as: str | None, precision: str, weights_mb: float
) -> None:
    found = estimate({**UNKNOWN, "torch_dtype": stored_as}, weights_bytes=10**9, precision=precision)
    assert found.weights_mb == weights_mb
    assert "brand_new" in found.notes[0]


def test_an_unknown_architecture_is_cached_as_its_config_says() -> None:
    assert estimate(UNKNOWN).kv_cache_mb == estimate(LLAMA_8B).kv_cache_mb
    assert estimate({"model_type": "new_vision", "text_config": LLAMA_8B}).kv_cache_mb == estimate(LLAMA_8B).kv_cache_mb


@pytest.mark.parametrize(
    "config_json",
    [{}, {"model_type": "mamba", "num_hidden_layers": 2}, {**UNKNOWN, "kv_lora_rank": 512}],
)
def test_what_is_not_known_is_none_with_its_reason(config_json: dict[str, Any]) -> None:
    found = estimate(config_json, weights_bytes=10**9)
    assert (found.kv_cache_mb, found.overhead_mb, found.total_mb) == (None, None, None)
    assert str(found).startswith("unknown (weights 1 GB, KV cache unknown, rest unknown); KV cache unknown: ")


def test_uncut_prompts_are_counted_as_long_as_the_model_allows_and_said_so() -> None:
    found = estimate(LLAMA_8B, input_tokens=None)
    assert found.kv_cache_mb == pytest.approx(131_072 * (131072 + 128) / 1e6)
    assert found.notes == ("prompts are not cut: counted with 131072 tokens each",)


def test_the_text_has_three_figures_and_units() -> None:
    assert str(estimate(LLAMA_8B)) == "about 18.6 GB (weights 16.1 GB, KV cache 134 MB, rest 2.43 GB)"


def write_model(directory: Path, config_json: dict[str, Any]) -> str:
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(config_json))
    return str(directory)


def test_an_experiment_is_estimated_from_the_files_here(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", LLAMA_8B)
    config = ExperimentConfig(model=model, max_input_tokens=896, max_output_tokens=128, pytorch={"batch_size": 4})
    assert estimate_for(config, {}) == estimate(LLAMA_8B, batch_size=4)


def test_an_experiment_without_a_cache_keeps_none(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", LLAMA_8B)
    assert estimate_for(ExperimentConfig(model=model, pytorch={"use_cache": False}), {}).kv_cache_mb == 0


@pytest.mark.parametrize(
    ("section", "weights_mb"),
    [({}, 1000), ({"load_in_4bit": True}, 281.25), ({"load_in_8bit": True}, 500), ({"load_format": "dummy"}, None)],
)
def test_stored_weights_count_when_they_will_be_loaded(
    tmp_path: Path, section: dict[str, Any], weights_mb: float | None
) -> None:
    model = write_model(tmp_path / "model", {**UNKNOWN, "dtype": "bfloat16"})
    index = {"metadata": {"total_size": 10**9}, "weight_map": {"a": "model-1.safetensors"}}
    (tmp_path / "model" / "model.safetensors.index.json").write_text(json.dumps(index))
    assert estimate_for(ExperimentConfig(model=model, pytorch=section), {}).weights_mb == weights_mb


def test_synthetic_prompts_beams_and_a_draft_model_are_heeded(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", LLAMA_8B)
    synthetic = {"n": 3, "input_len": 100, "output_len": 28}
    beams = ExperimentConfig(model=model, n=3, dataset=synthetic, decoder={"decoding_strategy": "beam", "num_beams": 5})
    assert estimate_for(beams, {}) == estimate(LLAMA_8B, batch_size=5, input_tokens=100, output_tokens=28)
    drafted = ExperimentConfig(model=model, decoder={"speculative_decoding": True, "draft_model": "small"})
    assert estimate_for(drafted, {}).notes == ("the draft model small is not counted",)


def test_the_builtin_model_is_estimated_without_any_file_of_the_user() -> None:
    config = ExperimentConfig(model="builtin/tiny-llama", pytorch={"load_format": "dummy"}, precision="fp32")
    assert str(estimate_for(config, {})).startswith("about ")


def test_a_model_that_is_not_here_is_unknown_and_named(tmp_path: Path) -> None:
    found = estimate_for(ExperimentConfig(model="nobody/nothing"), {"HF_HOME": str(tmp_path)})
    assert found.total_mb is None
    assert found.notes == ("config.json of nobody/nothing is not on this machine",)


def test_a_damaged_config_is_named_with_its_fix(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", {})
    (tmp_path / "model" / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"model/config\.json cannot be read as JSON .*fetch or copy"):
        estimate_for(ExperimentConfig(model=model), {})


def test_vllm_keeps_the_cache_of_all_prompts_that_it_works_on(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_8B))
    fields = {"model": str(tmp_path), "backend": "vllm", "max_input_tokens": 896, "n": 100}
    few = estimate_for(ExperimentConfig(**fields, vllm={"max_num_seqs": 4}), {})
    assert few.kv_cache_mb == estimate(LLAMA_8B, batch_size=4).kv_cache_mb
    assert estimate_for(ExperimentConfig(**fields), {}).kv_cache_mb == estimate(LLAMA_8B, batch_size=100).kv_cache_mb
    assert any("vllm.gpu_memory_utilization" in note for note in few.notes)
