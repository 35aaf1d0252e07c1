"""Bytes of the cache of one row, by hand: 100 positions in 16 bits unless stated otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from llenergymeasure.orchestration.model.kv_cache import UnknownCacheError, cache_bytes

# 4 layers, 8 heads of 16: keys and values of one head and layer take 2 x 16 x 2 bytes = 64 bytes per position.
BASE: dict[str, Any] = {"num_hidden_layers": 4, "num_attention_heads": 8, "hidden_size": 128}
HEAD_LAYER = 64 * 100
FALCON = {**BASE, "model_type": "falcon", "num_kv_heads": 8}
GPT2_NAMES: dict[str, Any] = {"n_layer": 4, "n_head": 8, "n_embd": 128}
LAYER_TYPES = ["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"]


def size(config: dict[str, Any], positions: int | None = 100) -> int:
    return cache_bytes({"model_type": "new", **config}, None, positions, bytes_per_value=2)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (BASE, 4 * 8 * HEAD_LAYER),
        ({**BASE, "num_key_value_heads": 2}, 4 * 2 * HEAD_LAYER),
        ({**BASE, "num_key_value_heads": None}, 4 * 8 * HEAD_LAYER),
        ({**BASE, "num_key_value_heads": 2, "head_dim": 32}, 4 * 2 * 2 * HEAD_LAYER),
        ({**BASE, "num_key_value_heads": 2, "kv_channels": 32}, 4 * 2 * 2 * HEAD_LAYER),
        ({"text_config": {**BASE, "num_key_value_heads": 2}}, 4 * 2 * HEAD_LAYER),
        # multi-query: one head of keys and values, whatever num_kv_heads says
        ({**FALCON, "multi_query": True}, 4 * 1 * HEAD_LAYER),
        (FALCON, 4 * 1 * HEAD_LAYER),
        ({**FALCON, "multi_query": False}, 4 * 8 * HEAD_LAYER),
        ({**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}, 4 * 8 * HEAD_LAYER),
        ({**GPT2_NAMES, "model_type": "gpt_bigcode"}, 4 * 1 * HEAD_LAYER),
        ({**GPT2_NAMES, "model_type": "gpt_bigcode", "multi_query": False}, 4 * 8 * HEAD_LAYER),
        ({**BASE, "multi_query_attention": True, "multi_query_group_num": 2}, 4 * 2 * HEAD_LAYER),
        ({"d_model": 128, "n_layers": 4, "n_heads": 8, "attn_config": {"kv_n_heads": 2}}, 4 * 2 * HEAD_LAYER),
        ({**GPT2_NAMES, "model_type": "gptj"}, 4 * 8 * HEAD_LAYER),
        # a window of 10 in three layers of four
        ({**BASE, "layer_types": LAYER_TYPES, "sliding_window": 10}, 8 * (HEAD_LAYER + 3 * 64 * 10)),
        ({**BASE, "layer_types": LAYER_TYPES, "sliding_window": 1000}, 4 * 8 * HEAD_LAYER),
        (
            {**BASE, "layer_types": ["chunked_attention"] * 3 + ["full_attention"], "attention_chunk_size": 10},
            8 * (HEAD_LAYER + 3 * 64 * 10),
        ),
        ({**BASE, "sliding_window": 10, "use_sliding_window": False}, 4 * 8 * HEAD_LAYER),
        ({**BASE, "sliding_window": 100}, 4 * 8 * HEAD_LAYER),
        ({**BASE, "num_kv_shared_layers": 3}, 8 * HEAD_LAYER),
        # one layer with twice the head and half the heads, and one that says nothing of heads
        (
            {**BASE, "per_layer_config": {"01": {"head_dim": 32, "num_key_value_heads": 1}, "2": {"mlp": 5}, "x": 7}},
            (3 * 8 + 2) * HEAD_LAYER,
        ),
        (
            {**BASE, "layer_types": LAYER_TYPES, "sliding_window": 10, "global_head_dim": 32},
            8 * (2 * HEAD_LAYER + 3 * 64 * 10),
        ),
    ],
)
def test_keys_and_values_by_hand(config: dict[str, Any], expected: int) -> None:
    assert size(config) == expected


MAMBA = {
    "model_type": "mamba",
    "num_hidden_layers": 4,
    "hidden_size": 32,
    "expand": 2,
    "state_size": 8,
    "conv_kernel": 4,
}


@pytest.mark.parametrize(
    ("config", "per_layer"),
    [
        # convolution 64 x 4 in 16 bits, recurrence 64 x 8 in 32 bits
        (MAMBA, 64 * 4 * 2 + 64 * 8 * 4),
        ({**MAMBA, "model_type": "falcon_mamba", "intermediate_size": 96}, 96 * 4 * 2 + 96 * 8 * 4),
        # 64 + 2 groups x 8 channels; 8 heads of 8 x 8
        (
            {**MAMBA, "model_type": "mamba2", "num_heads": 8, "head_dim": 8, "n_groups": 1},
            (64 + 2 * 8) * 4 * 2 + 8 * 8 * 8 * 4,
        ),
    ],
)
@pytest.mark.parametrize("positions", [10, 100_000, None])
def test_a_state_does_not_grow_with_the_sequence(config: dict[str, Any], per_layer: int, positions: int | None) -> None:
    assert size(config, positions) == 4 * per_layer


@pytest.mark.parametrize(
    ("config", "positions", "reason"),
    [
        ({}, 100, "the configuration states no num_hidden_layers"),
        ({"num_hidden_layers": 4}, 100, "the configuration states no num_attention_heads"),
        ({"num_hidden_layers": 4, "num_attention_heads": 8}, 100, "the configuration states no hidden_size"),
        (BASE, None, "prompts are not cut"),
        ({**BASE, "num_key_value_heads": [1, 2, 3, 4]}, 100, "states no num_key_value_heads"),
        ({**BASE, "kv_lora_rank": 16}, 100, "latent attention"),
        (
            {**BASE, "sliding_window": 10},
            100,
            "sliding_window is 10, but the configuration does not say in which layers",
        ),
        ({**BASE, "attention_chunk_size": 10}, 100, "attention_chunk_size is 10"),
        ({**BASE, "layer_types": LAYER_TYPES}, 100, "states no sliding_window"),
        (
            {**BASE, "layer_types": ["linear_attention"] * 3 + ["full_attention"]},
            100,
            "layers of type 'linear_attention'",
        ),
        ({**BASE, "attn_layer_period": 8}, 100, "a state of another kind (attn_layer_period)"),
        ({**BASE, "hybrid_override_pattern": "M-M*"}, 100, "a state of another kind (hybrid_override_pattern)"),
        ({**BASE, "num_hidden_layers": 10**8}, 100, "100000000 layers are more than any model has"),
        ({**MAMBA, "conv_kernel": None}, 100, "states no conv_kernel"),
    ],
)
def test_what_is_not_known_has_the_reason(config: dict[str, Any], positions: int | None, reason: str) -> None:
    with pytest.raises(UnknownCacheError) as caught:
        size(config, positions)
    assert reason in str(caught.value)


@pytest.mark.torch
@pytest.mark.parametrize(
    "sizes",
    [
        {
            "model_type": "falcon",
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "multi_query": True,
        },
        {**MAMBA, "num_hidden_layers": 2},
    ],
    ids=lambda sizes: sizes["model_type"],
)
def test_transformers_keeps_as_many_bytes(sizes: dict[str, Any]) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(**sizes, vocab_size=50)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    cache = model(torch.full((1, 10), 5), use_cache=True)
    cache = cache.get("past_key_values") or cache.get("cache_params")
    names = ("keys", "values", "conv_states", "recurrent_states")
    kept = [getattr(layer, name, None) for layer in cache.layers for name in names]
    tensors = [each for value in kept for each in _tensors(value, torch)]
    assert cache_bytes(config.to_dict(), None, 10, 2) == sum(each.numel() * each.element_size() for each in tensors)


def _tensors(value: Any, torch: Any) -> list[Any]:
    if isinstance(value, torch.Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [tensor for each in inner for tensor in _tensors(each, torch)]
