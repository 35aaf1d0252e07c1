"""Routed experts: which tensors belong to them, and which share of them processes a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

# The keys of the number of experts per layer, and of the number of experts that process a token.
COUNT_KEYS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "num_routed_experts")
MET_KEYS = (
    "num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk", "moe_top_k", "moe_k", "experts_per_token",
)  # fmt: skip
# Experts that may process a token and that compute nothing.
EMPTY_KEYS = ("zero_expert_num",)


class UncountableError(Exception):
    """Parameters in matrix products cannot be counted; the message has the reason."""


@dataclass(frozen=True)
class RoutedExperts:
    """Attributes: `count` experts per layer, of which `met` process a token; both None without experts."""

    count: int | None = None
    met: int | None = None

    def share_of(self, name: str, tensor: Any) -> float:
        """The share of a matrix that processes one token."""
        if not self._is_routed(name, tensor):
            return 1.0
        if self.count is None or self.met is None:
            raise UncountableError(
                f"{name} belongs to routed experts, and config.json does not state how many of them process a token"
            )
        return self.met / self.count

    def _is_routed(self, name: str, tensor: Any) -> bool:
        """Whether a tensor belongs to routed experts, by its name or its shape; the router processes every token."""
        if "router" in name or "shared_expert" in name:
            return False
        return ".experts." in name or (tensor.ndim == 3 and self.count is not None and tensor.shape[0] == self.count)


def routed_experts(model: Any) -> RoutedExperts:
    """Read the routed experts of a model.

    Raises:
        UncountableError: the model has experts of a kind whose share is not known.
    """
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    stated = config.to_dict()
    stated = {**stated, **(stated.get("ffn_config") or {})}
    count, met = _whole(stated, COUNT_KEYS), _whole(stated, MET_KEYS)
    if _whole(stated, EMPTY_KEYS):
        raise UncountableError("some of the experts that may process a token compute nothing")
    if count is not None and _are_looked_up(model, count):
        raise UncountableError("its experts are rows of an embedding")
    return RoutedExperts(count, None if met is None or count is None else min(met, count))


def _whole(stated: Mapping[str, Any], keys: tuple[str, ...]) -> int | None:
    """The first of the keys whose value is a whole number above 0; lists and nulls are ignored."""
    values = (stated.get(key) for key in keys)
    return next(
        (value for value in values if isinstance(value, int) and not isinstance(value, bool) and value > 0), None
    )


def _are_looked_up(model: Any, count: int) -> bool:
    return any(
        isinstance(module, nn.Embedding) and module.num_embeddings == count and "layers." in name
        for name, module in model.named_modules()
    )
