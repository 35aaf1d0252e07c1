"""Shapes from config.json, compared with the published parameter counts of real models."""

from __future__ import annotations

from typing import Any

import pytest

from llenergymeasure.core.flops.architecture import shape_of
from llenergymeasure.core.flops.dimensions import TransformerShape


def config(family: str, h: int, n_layers: int, heads: int, width: int, vocabulary: int, **rest: Any) -> dict[str, Any]:
    return {
        "model_type": family,
        "hidden_size": h,
        "num_hidden_layers": n_layers,
        "num_attention_heads": heads,
        "intermediate_size": width,
        "vocab_size": vocabulary,
        **rest,
    }


LLAMA = config("llama", 4096, 32, 32, 14336, 128256, num_key_value_heads=8, tie_word_embeddings=False)
MISTRAL = config("mistral", 4096, 32, 32, 14336, 32000, num_key_value_heads=8, sliding_window=4096)
QWEN3 = config("qwen3", 4096, 36, 32, 12288, 151936, num_key_value_heads=8, head_dim=128)
GEMMA2 = config("gemma2", 2304, 26, 8, 9216, 256000, num_key_value_heads=4, head_dim=256, sliding_window=4096)
GEMMA3 = config("gemma3_text", 1152, 26, 4, 6912, 262144, num_key_value_heads=1, head_dim=256, sliding_window=512)
GPT2 = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "vocab_size": 50257}
OPT = {
    "model_type": "opt",
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "ffn_dim": 3072,
    "vocab_size": 50272,
    "max_position_embeddings": 2048,
    "word_embed_proj_dim": 768,
}
MIXTRAL = config(
    "mixtral", 4096, 32, 32, 14336, 32000, num_key_value_heads=8, num_local_experts=8, num_experts_per_tok=2
)
QWEN3_MOE = config(
    "qwen3_moe", 2048, 48, 32, 6144, 151936, num_key_value_heads=4, head_dim=128, num_experts=128,
    num_experts_per_tok=8, moe_intermediate_size=768,
)  # fmt: skip
QWEN2_MOE = config(
    "qwen2_moe", 2048, 24, 16, 5632, 151936, num_key_value_heads=16, num_experts=60, num_experts_per_tok=4,
    moe_intermediate_size=1408, shared_expert_intermediate_size=5632,
)  # fmt: skip
GPT_OSS = config(
    "gpt_oss", 2880, 24, 64, 2880, 201088, num_key_value_heads=8, head_dim=64, num_local_experts=32,
    num_experts_per_tok=4, sliding_window=128,
)  # fmt: skip

PUBLISHED = {
    "Llama-3.1-8B": (LLAMA, 8_030_261_248),
    "Mistral-7B-v0.1": (MISTRAL, 7_241_732_096),
    "Mixtral-8x7B-v0.1": (MIXTRAL, 46_702_792_704),
    "Qwen2.5-0.5B": (
        config("qwen2", 896, 24, 14, 4864, 151936, num_key_value_heads=2, tie_word_embeddings=True),
        494_032_768,
    ),
    "Qwen1.5-MoE-A2.7B": (QWEN2_MOE, 14_315_784_192),
    "Qwen3-8B": (QWEN3, 8_190_735_360),
    "Qwen3-30B-A3B": (QWEN3_MOE, 30_532_122_624),
    "gemma-2b": (config("gemma", 2048, 18, 8, 16384, 256000, num_key_value_heads=1, head_dim=256), 2_506_172_416),
    "gemma-2-2b": (GEMMA2, 2_614_341_888),
    "gemma-3-1b": (GEMMA3, 999_885_952),
    "gpt-oss-20b": (GPT_OSS, 20_914_757_184),
    "gpt2": (GPT2, 124_439_808),
    "opt-125m": (OPT, 125_239_296),
    "phi-2": (config("phi", 2560, 32, 32, 10240, 51200), 2_779_683_840),
    "Phi-3-mini-4k": (config("phi3", 3072, 32, 32, 8192, 32064, num_key_value_heads=32), 3_821_079_552),
    "pythia-160m": (config("gpt_neox", 768, 12, 12, 3072, 50304), 162_322_944),
    "OLMo-2-1B": (config("olmo2", 2048, 16, 16, 8192, 100352, num_key_value_heads=16), 1_484_916_736),
    "OLMoE-1B-7B": (
        config("olmoe", 2048, 16, 16, 1024, 50304, num_experts=64, num_experts_per_tok=8),
        6_919_161_856,
    ),
    "SmolLM3-3B": (config("smollm3", 2048, 36, 16, 11008, 128256, num_key_value_heads=4), 3_075_098_624),
    "starcoder2-3b": (config("starcoder2", 3072, 30, 24, 12288, 49152, num_key_value_heads=2), 3_030_371_328),
}


def read(content: dict[str, Any]) -> TransformerShape:
    shape = shape_of(content)
    assert shape is not None
    return shape


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_model_has_its_published_number_of_parameters(name: str) -> None:
    content, n_parameters = PUBLISHED[name]
    assert read(content).n_parameters == n_parameters


def test_a_tied_output_head_is_stored_once_and_still_multiplied() -> None:
    # 2 x 2 x 2 x (1 + 1) = 16 in attention, 3 x 2 x 3 = 18 in the MLP, 2 x 5 = 10 in the head, 3 norms of 2
    small = config("llama", 2, 1, 1, 3, 5)
    tied, untied = read({**small, "tie_word_embeddings": True}), read(small)
    assert tied.n_matmul_parameters == untied.n_matmul_parameters == 16 + 18 + 10
    assert tied.n_parameters == 16 + 18 + 10 + 6
    assert untied.n_parameters == tied.n_parameters + 10


def test_a_token_meets_the_router_and_its_own_experts_only() -> None:
    # router 2 x 4, experts 3 x 2 x 3 each
    shape = read(config("mixtral", 2, 1, 1, 3, 5, num_key_value_heads=1, num_local_experts=4, num_experts_per_tok=2))
    assert shape.linear_parameters == 16 + 8 + 2 * 18
    assert shape.stored_linear_parameters == 16 + 8 + 4 * 18


def test_layers_without_experts_keep_their_plain_mlp() -> None:
    shape = read({**QWEN3_MOE, "decoder_sparse_step": 2, "mlp_only_layers": [1]})
    assert shape.expert_layers[:6] == (False, False, False, True, False, True)


def test_sizes_that_a_config_leaves_to_the_rule_follow_the_rule() -> None:
    shape = read(config("llama", 64, 2, 4, 96, 100))
    assert (shape.head_dim, shape.n_kv_heads) == (16, 4)
    assert read(GPT2).mlp_width == 4 * 768


@pytest.mark.parametrize(
    ("content", "sliding"),
    [
        (MISTRAL, range(32)),
        ({**MISTRAL, "sliding_window": None}, []),
        (GEMMA2, range(0, 26, 2)),
        (GEMMA3, [layer for layer in range(26) if layer % 6 != 5]),
        (GPT_OSS, range(0, 24, 2)),
        ({**QWEN3, "use_sliding_window": False, "sliding_window": 4096}, []),
        ({**QWEN3, "use_sliding_window": True, "sliding_window": 4096, "max_window_layers": 30}, range(30, 36)),
        ({**GEMMA3, "layer_types": ["full_attention"] * 25 + ["sliding_attention"]}, [25]),
    ],
)
def test_each_layer_knows_its_sliding_window(content: dict[str, Any], sliding: range | list[int]) -> None:
    windows = read(content).windows
    assert [layer for layer, window in enumerate(windows) if window is not None] == list(sliding)
    assert {window for window in windows if window is not None} <= {content["sliding_window"]}


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"model_type": "mamba", "hidden_size": 8},
        {"model_type": ["llama"]},
        {"model_type": "llama"},
        {**LLAMA, "hidden_size": "4096"},
        {**LLAMA, "num_hidden_layers": 0},
        {**LLAMA, "num_attention_heads": 8192},
        {**LLAMA, "per_layer_config": {"0": {"hidden_size": 8}}},
        {**OPT, "word_embed_proj_dim": 512},
        {**OPT, "do_layer_norm_before": False},
        {**GPT2, "add_cross_attention": True},
        {**GEMMA3, "use_bidirectional_attention": True},
        {**GEMMA3, "layer_types": ["full_attention"]},
        {**GEMMA3, "layer_types": ["linear_attention"] * 26},
        {key: value for key, value in MISTRAL.items() if key != "num_key_value_heads"},
        {key: value for key, value in QWEN3.items() if key != "head_dim"},
        {key: value for key, value in MIXTRAL.items() if key != "num_experts_per_tok"},
        {**MIXTRAL, "num_local_experts": None},
    ],
)
def test_what_is_not_certain_has_no_shape(content: dict[str, Any]) -> None:
    assert shape_of(content) is None
