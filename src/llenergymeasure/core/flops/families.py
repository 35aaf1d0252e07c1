"""How each family of decoder-only models differs from Llama, by its `config.json`.

A family is listed only if its counts equal `torch.utils.flop_counter` and the parameters of the real model exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Config = Mapping[str, Any]


class Says(NamedTuple):
    """A boolean of the config under `key`; `otherwise` when the key is absent."""

    key: str
    otherwise: bool

    def read(self, config: Config) -> bool:
        """The value for a config."""
        return bool(config.get(self.key, self.otherwise))


YES = Says("", True)


class ExpertKeys(NamedTuple):
    """The config keys of the sizes of routed experts.

    Attributes:
        width: width of one expert.
        shared_width: width of the shared expert, which processes every token and has a gate; None = there is none.
        biased: router and experts have biases.
    """

    width: str = "intermediate_size"
    shared_width: str | None = None
    biased: bool = False


# Whether a layer uses the sliding window, by the family's default pattern.
Slides = Callable[[Config, int], bool]


def _always(_config: Config, _layer: int) -> bool:
    return True


def _switched_on(config: Config, _layer: int) -> bool:
    return bool(config.get("use_sliding_window"))


def _after_full_layers(config: Config, layer: int) -> bool:
    return _switched_on(config, layer) and layer >= config["max_window_layers"]


def _every_other_until(config: Config, layer: int) -> bool:
    return _switched_on(config, layer) and layer % 2 == 0 and layer < config["max_window_layers"]


def _without_rotation(config: Config, layer: int) -> bool:
    stated, interval = config.get("no_rope_layers"), config.get("no_rope_layer_interval", 4)
    rotated = stated[layer] if stated else (layer + 1) % interval
    return _switched_on(config, layer) and not rotated


def _all_but_every(n: int, key: str = "") -> Slides:
    return lambda config, layer: bool((layer + 1) % config.get(key, n))


NOTHING: Mapping[str, Any] = MappingProxyType({})


class Family(NamedTuple):
    """One `model_type`. The defaults are Llama's.

    Attributes:
        keys: config keys of sizes, by the names used here, where they differ from `SIZE_KEYS`.
        required: sizes that the config must contain, because the family's default is a number and not a rule.
        gated: the MLP has three matrices, not two.
        mlp_factor: width of the MLP over the hidden size, when the config states null; None = it must state a width.
        tied: the output head is the input embedding, unless the config states otherwise.
        norms: norms of the hidden state per layer; one more follows the last layer.
        norm_vectors: 1 = weight, 2 = weight and bias, 0 = no parameters.
        head_norms: norms of queries and keys: none, one head wide, or all heads wide.
        attention_bias: query, key, value and output matrices have biases.
        output_bias: False = the output matrix never has one.
        mlp_bias: the matrices of the MLP have biases.
        head_bias: the output head has one.
        positions: key of the length of a learned position table; None = there is none.
        extra_positions: rows of that table beyond the stated length.
        sinks: one learned number per query head and layer.
        experts: routed experts; None = there are none.
        slides: which layers use the sliding window, when the config has no `layer_types`; None = none does.
        only: config keys with the only value that these formulas describe.
    """

    keys: Mapping[str, str] = NOTHING
    required: tuple[str, ...] = ()
    gated: bool = True
    mlp_factor: int | None = None
    tied: bool = False
    norms: int = 2
    norm_vectors: Literal[0, 1, 2] = 1
    head_norms: Literal["none", "one_head", "all_heads"] = "none"
    attention_bias: Says = Says("attention_bias", False)
    output_bias: bool = True
    mlp_bias: Says = Says("mlp_bias", False)
    head_bias: bool = False
    positions: str | None = None
    extra_positions: int = 0
    sinks: bool = False
    experts: ExpertKeys | None = None
    slides: Slides | None = None
    only: Mapping[str, Any] = NOTHING


SIZE_KEYS = {
    "hidden_size": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "mlp_width": "intermediate_size",
    "vocab_size": "vocab_size",
}
_GPT2_KEYS = {"hidden_size": "n_embd", "n_layers": "n_layer", "n_heads": "n_head", "mlp_width": "n_inner"}
_ONE_WAY = {"use_bidirectional_attention": False}
_SIZED = ("n_kv_heads", "head_dim")

FAMILIES: Mapping[str, Family] = {
    "gemma": Family(required=_SIZED, tied=True, only=_ONE_WAY),
    "gemma2": Family(required=_SIZED, tied=True, norms=4, slides=_all_but_every(2), only=_ONE_WAY),
    "gemma3_text": Family(
        required=_SIZED,
        tied=True,
        norms=4,
        head_norms="one_head",
        slides=_all_but_every(6, "sliding_window_pattern"),
        only=_ONE_WAY,
    ),
    "gpt2": Family(
        keys=_GPT2_KEYS,
        gated=False,
        mlp_factor=4,
        tied=True,
        norm_vectors=2,
        attention_bias=YES,
        mlp_bias=YES,
        positions="n_positions",
        only={"add_cross_attention": False},
    ),
    "gpt_neox": Family(gated=False, norm_vectors=2, attention_bias=Says("attention_bias", True), mlp_bias=YES),
    "gpt_oss": Family(
        required=_SIZED,
        attention_bias=Says("attention_bias", True),
        sinks=True,
        experts=ExpertKeys(biased=True),
        slides=_all_but_every(2),
    ),
    "granite": Family(),
    "llama": Family(),
    "mistral": Family(required=("n_kv_heads",), slides=_always),
    "mixtral": Family(required=("n_kv_heads",), slides=_always, experts=ExpertKeys()),
    "olmo": Family(norm_vectors=0),
    "olmo2": Family(head_norms="all_heads"),
    "olmo3": Family(head_norms="all_heads", slides=_all_but_every(4)),
    "olmoe": Family(head_norms="all_heads", experts=ExpertKeys()),
    "opt": Family(
        keys={"mlp_width": "ffn_dim"},
        gated=False,
        tied=True,
        norm_vectors=2,
        attention_bias=Says("enable_bias", True),
        mlp_bias=Says("enable_bias", True),
        positions="max_position_embeddings",
        extra_positions=2,
        only={"do_layer_norm_before": True, "_remove_final_layer_norm": False, "layer_norm_elementwise_affine": True},
    ),
    "phi": Family(
        gated=False,
        norms=1,
        norm_vectors=2,
        attention_bias=YES,
        mlp_bias=YES,
        head_bias=True,
        only={"qk_layernorm": False},
    ),
    "phi3": Family(slides=_always),
    "qwen2": Family(required=("n_kv_heads",), attention_bias=YES, output_bias=False, slides=_after_full_layers),
    "qwen2_moe": Family(
        required=("n_kv_heads",),
        attention_bias=Says("qkv_bias", True),
        output_bias=False,
        experts=ExpertKeys(width="moe_intermediate_size", shared_width="shared_expert_intermediate_size"),
        slides=_every_other_until,
    ),
    "qwen3": Family(required=_SIZED, head_norms="one_head", slides=_after_full_layers),
    "qwen3_moe": Family(
        required=("n_kv_heads",),
        head_norms="one_head",
        experts=ExpertKeys(width="moe_intermediate_size"),
        slides=_switched_on,
    ),
    "smollm3": Family(required=("n_kv_heads",), tied=True, slides=_without_rotation),
    "starcoder2": Family(
        required=("n_kv_heads",),
        gated=False,
        tied=True,
        norm_vectors=2,
        attention_bias=Says("use_bias", True),
        mlp_bias=Says("use_bias", True),
        slides=_always,
    ),
}
