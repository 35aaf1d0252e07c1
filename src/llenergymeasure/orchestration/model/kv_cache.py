"""Computes from its config.json how many bytes of keys, values or states a model stores for one row.

```
attention   2 x kv heads x head_dim, per layer and position; a layer with a window stores at most its positions
Mamba       a state of fixed size per layer: convolution in the model's precision, recurrence in 32 bits
```

The formulas are those of transformers 5.23; each was compared with the size of its cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llenergymeasure.core.flops.architecture import MAX_LAYERS, MAX_SIZE
from llenergymeasure.core.flops.dimensions import TransformerShape

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads")
WIDTH = ("hidden_size", "n_embd", "d_model")
WINDOWED = {"sliding_attention": "sliding_window", "chunked_attention": "attention_chunk_size"}
# Keys of models whose layers are not all attention, with a state of another kind.
RECURRENT_KEYS = frozenset(
    (
        "attn_layer_indices", "attn_layer_period", "block_types", "conv_L_cache", "hybrid_override_pattern",
        "layers_block_type", "linear_num_key_heads", "lru_width", "mamba_d_ssm", "mamba_d_state", "mamba_expand",
        "rescale_every", "ssm_cfg", "ssm_state_size", "state_size",
    )
)  # fmt: skip
BYTES_OF_RECURRENCE = 4

Config = Mapping[str, Any]


class UnknownCacheError(Exception):
    """The size is not known; the message follows "KV cache unknown: "."""


@dataclass(frozen=True)
class _Layer:
    """Keys and values of one layer. `window`: the largest number of positions that it stores; None = all."""

    kv_heads: int
    head_dim: int
    window: int | None

    def values(self, positions: int) -> int:
        kept = positions if self.window is None else min(positions, self.window)
        return 2 * self.kv_heads * self.head_dim * kept


def cache_bytes(config: Config, shape: TransformerShape | None, positions: int | None, bytes_per_value: int) -> int:
    """Size in bytes of the cache of one row.

    Args:
        config: content of a config.json.
        shape: the shape of a known family; None for any other.
        positions: number of positions of the longest sequence; None = not known.
        bytes_per_value: size of a key or value.

    Raises:
        UnknownCacheError: the size is not known; with the reason.
    """
    inner = config.get("text_config")
    sizes: Config = inner if isinstance(inner, Mapping) else config
    if sizes.get("model_type") in ("mamba", "falcon_mamba", "mamba2"):
        return _mamba_bytes(sizes, bytes_per_value)
    if positions is None:
        raise UnknownCacheError("prompts are not cut, and the model states no maximum length")
    layers = _known_layers(shape) if shape is not None else _stated_layers(sizes, positions)
    return bytes_per_value * sum(layer.values(positions) for layer in layers)


def _known_layers(shape: TransformerShape) -> list[_Layer]:
    return [_Layer(shape.n_kv_heads, shape.head_dim, window) for window in shape.windows]


def _stated_layers(sizes: Config, positions: int) -> list[_Layer]:
    """The layers of an unknown family, from the keys that most families share."""
    _refuse_other_kinds(sizes)
    n_layers = _stated(sizes, LAYERS)
    if n_layers > MAX_LAYERS:
        raise UnknownCacheError(f"{n_layers} layers are more than any model has")
    kinds = _kinds(sizes, n_layers, positions)
    shared = _size(sizes.get("num_kv_shared_layers")) or 0  # the last layers use the cache of earlier ones
    return [_layer(_sizes_of_layer(sizes, index), kind) for index, kind in enumerate(kinds[: n_layers - shared])]


def _sizes_of_layer(sizes: Config, index: int) -> Config:
    """The sizes that the configuration states for a single layer."""
    stated = sizes.get("per_layer_config")
    named = stated if isinstance(stated, Mapping) else {}
    own = next((each for key, each in named.items() if str(key).isdecimal() and int(key) == index), None)
    return {**sizes, **own} if isinstance(own, Mapping) else sizes


def _layer(sizes: Config, kind: str) -> _Layer:
    heads = _stated(sizes, HEADS)
    kv_heads, head_dim = _kv_heads(sizes, heads), _size(sizes.get("head_dim") or sizes.get("kv_channels"))
    if kind not in WINDOWED and _size(sizes.get("global_head_dim")):
        return _global_layer(sizes, kv_heads)
    return _Layer(kv_heads, head_dim or _stated(sizes, WIDTH) // heads, _window(sizes, kind))


def _global_layer(sizes: Config, kv_heads: int) -> _Layer:
    """A layer of Gemma 4 without a window: its heads are wider, and there are fewer if keys are used as values."""
    fewer = _size(sizes.get("num_global_key_value_heads")) if sizes.get("attention_k_eq_v") else None
    return _Layer(fewer or kv_heads, _stated(sizes, ("global_head_dim",)), None)


def _refuse_other_kinds(sizes: Config) -> None:
    """Refuse models that store their state in another form."""
    if "kv_lora_rank" in sizes:
        raise UnknownCacheError(
            "latent attention (kv_lora_rank) is stored compressed or expanded, which depends on the release of transformers"
        )
    recurrent = sorted(RECURRENT_KEYS & set(sizes))
    if recurrent:
        raise UnknownCacheError(f"layers with a state of another kind ({recurrent[0]}) are not estimated")


def _kv_heads(sizes: Config, heads: int) -> int:
    """Number of heads of keys and values that are stored."""
    if sizes.get("model_type") == "falcon" and sizes.get("new_decoder_architecture"):
        return heads  # transformers repeats them before it stores them
    if sizes.get("model_type") in ("falcon", "gpt_bigcode"):
        return 1 if sizes.get("multi_query", True) else heads
    of_attention = sizes.get("attn_config")
    named = {**(of_attention if isinstance(of_attention, Mapping) else {}), **sizes}
    for key in ("num_key_value_heads", "num_kv_heads", "kv_n_heads", "multi_query_group_num"):
        if named.get(key) is not None:
            return _stated(named, (key,))
    return heads


def _kinds(sizes: Config, n_layers: int, positions: int) -> list[str]:
    """The kind of each layer."""
    stated = sizes.get("layer_types")
    if isinstance(stated, list) and len(stated) >= n_layers:
        other = sorted({str(kind) for kind in stated} - {"full_attention", *WINDOWED})
        if other:
            raise UnknownCacheError(f"layers of type '{other[0]}' are not estimated")
        return stated[:n_layers]
    for key in WINDOWED.values():
        window = _size(sizes.get(key))
        if window is not None and window < positions and sizes.get("use_sliding_window") is not False:
            raise UnknownCacheError(
                f"{key} is {window}, but the configuration does not say in which layers (layer_types)"
            )
    return ["full_attention"] * n_layers


def _window(sizes: Config, kind: str) -> int | None:
    return _stated(sizes, (WINDOWED[kind],)) if kind in WINDOWED else None


def _mamba_bytes(sizes: Config, bytes_per_value: int) -> int:
    """Size in bytes of convolution and recurrence of all layers."""
    n_layers, state = _stated(sizes, LAYERS), _stated(sizes, ("state_size",))
    width = _size(sizes.get("intermediate_size")) or _stated(sizes, WIDTH) * _stated(sizes, ("expand",))
    channels, kept = width, width * state
    if sizes["model_type"] == "mamba2":
        channels += 2 * _stated(sizes, ("n_groups",)) * state
        kept = _stated(sizes, ("num_heads",)) * _stated(sizes, ("head_dim",)) * state
    return n_layers * (channels * _stated(sizes, ("conv_kernel",)) * bytes_per_value + kept * BYTES_OF_RECURRENCE)


def _stated(sizes: Config, names: tuple[str, ...]) -> int:
    """The first of these keys whose value is a size."""
    found = next((size for size in (_size(sizes.get(name)) for name in names) if size is not None), None)
    if found is None:
        raise UnknownCacheError(f"the configuration states no {names[0]}")
    return found


def _size(value: Any) -> int | None:
    """A size in a configuration; None for an invalid value."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SIZE else None
