"""Reads the sizes of a decoder-only transformer from its `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from llenergymeasure.core.flops.dimensions import Experts, TransformerShape
from llenergymeasure.core.flops.families import FAMILIES, SIZE_KEYS, ExpertKeys, Family

# Thousands of times larger than real models; a larger value is an error and would only cost time and memory.
MAX_SIZE = 10**9
MAX_LAYERS = 10_000


def shape_of(config: Mapping[str, Any]) -> TransformerShape | None:
    """Read the shape of a decoder-only model.

    Args:
        config: the content of a Hugging Face `config.json`.

    Returns:
        The shape; None when the family is not in `families.FAMILIES`, or the config lacks a size.
    """
    family = FAMILIES.get(str(config.get("model_type")))
    if family is None:
        return None
    try:
        return _Reader(config, family).shape()
    except (LookupError, TypeError, ValueError, ZeroDivisionError):  # a size is absent, not a number, or impossible
        return None


@dataclass(frozen=True)
class _Reader:
    config: Mapping[str, Any]
    family: Family

    def shape(self) -> TransformerShape:
        self._check_described()
        hidden_size, n_heads, n_layers = self._size("hidden_size"), self._size("n_heads"), self._size("n_layers")
        if n_layers > MAX_LAYERS:
            raise ValueError(n_layers)
        factor = self.family.mlp_factor
        expert_layers = tuple(self._has_experts(layer) for layer in range(n_layers))
        shape = TransformerShape(
            family=self.config["model_type"],
            hidden_size=hidden_size,
            n_layers=n_layers,
            n_heads=n_heads,
            head_dim=self._size("head_dim", hidden_size // n_heads),
            n_kv_heads=self._size("n_kv_heads", n_heads),
            mlp_width=self._size("mlp_width", factor * hidden_size if factor else None),
            vocab_size=self._size("vocab_size"),
            gated=self.family.gated,
            tied=bool(self.config.get("tie_word_embeddings", self.family.tied)),
            windows=tuple(self._window(layer) for layer in range(n_layers)),
            experts=self._experts(self.family.experts, hidden_size) if any(expert_layers) else None,
            expert_layers=expert_layers,
            n_vector_parameters=0,
        )
        return replace(shape, n_vector_parameters=self._vectors(shape))

    def _check_described(self) -> None:
        """Refuse configs that the family's formulas do not cover."""
        for key, covered in self.family.only.items():
            if bool(self.config.get(key, covered)) != covered:
                raise ValueError(key)
        if self.config.get("word_embed_proj_dim") not in (None, self.config.get("hidden_size")):
            raise ValueError("word_embed_proj_dim")
        if self.config.get("per_layer_config"):
            raise ValueError("per_layer_config")

    def _size(self, name: str, fallback: int | None = None) -> int:
        """A size by the name used here; the fallback is used where the config has null or may omit the size."""
        key = self.family.keys.get(name, SIZE_KEYS[name])
        if name in self.family.required and key not in self.config:
            raise KeyError(key)
        return _positive(self.config.get(key), fallback)

    def _window(self, layer: int) -> int | None:
        kinds, window = self.config.get("layer_types"), self.config.get("sliding_window")
        if kinds is not None:
            slides = {"full_attention": False, "sliding_attention": True}[kinds[layer]]
        else:
            slides = bool(window and self.family.slides and self.family.slides(self.config, layer))
        return _positive(window) if slides else None

    def _has_experts(self, layer: int) -> bool:
        if self.family.experts is None or not self._n_experts():
            return False
        by_step = (layer + 1) % self.config.get("decoder_sparse_step", 1) == 0
        return by_step and layer not in (self.config.get("mlp_only_layers") or ())

    def _n_experts(self) -> int:
        """Experts per layer, under either of the two names in use."""
        stated = self.config.get("num_local_experts", self.config.get("num_experts"))
        return 0 if stated == 0 else _positive(stated)

    def _experts(self, keys: ExpertKeys | None, hidden_size: int) -> Experts | None:
        if keys is None:
            return None
        return Experts(
            count=self._n_experts(),
            per_token=_positive(self.config["num_experts_per_tok"]),
            width=_positive(self.config[keys.width]),
            shared_width=_positive(self.config[keys.shared_width]) if keys.shared_width else 0,
            hidden_size=hidden_size,
        )

    def _vectors(self, shape: TransformerShape) -> int:
        """Number of parameters outside matrix products."""
        family, hidden_size = self.family, shape.hidden_size
        positions = _positive(self.config[family.positions]) + family.extra_positions if family.positions else 0
        per_layer = family.norms * family.norm_vectors * hidden_size + self._attention_vectors(shape)
        return (
            shape.n_layers * per_layer
            + sum(self._mlp_vectors(shape, routed) for routed in shape.expert_layers)
            + family.norm_vectors * hidden_size
            + positions * hidden_size
            + (shape.vocab_size if family.head_bias else 0)
        )

    def _attention_vectors(self, shape: TransformerShape) -> int:
        family, heads = self.family, shape.n_heads + shape.n_kv_heads
        norms = {"none": 0, "one_head": 2, "all_heads": heads}[family.head_norms] * shape.head_dim
        biases = (heads + shape.n_kv_heads) * shape.head_dim + (shape.hidden_size if family.output_bias else 0)
        biased = family.attention_bias.read(self.config)
        return norms + (biases if biased else 0) + (shape.n_heads if family.sinks else 0)

    def _mlp_vectors(self, shape: TransformerShape, routed: bool) -> int:
        if routed and shape.experts is not None:
            biased = self.family.experts is not None and self.family.experts.biased
            return shape.experts.count * (1 + 2 * shape.experts.width + shape.hidden_size) if biased else 0
        biases = (2 if shape.gated else 1) * shape.mlp_width + shape.hidden_size
        return biases if self.family.mlp_bias.read(self.config) else 0


def _positive(value: Any, fallback: int | None = None) -> int:
    found = fallback if value is None else value
    if not isinstance(found, int) or not 1 <= found <= MAX_SIZE:
        raise ValueError(found)
    return found
