"""How many parameters a model has, and how many take part in matrix products per token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class ParameterCounts:
    """Parameters of a model.

    Attributes:
        total: all of them, tied ones once.
        in_matrix_products: those multiplied with each token: no embedding look-up, the output head even when tied,
            of routed experts the share that a token meets.
        in_adapters: those of LoRA adapters that were not merged.
    """

    total: int
    in_matrix_products: int
    in_adapters: int


def count_parameters(model: nn.Module) -> ParameterCounts:
    """Count a transformers model's parameters."""
    looked_up = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    share = _expert_share(model)
    total, multiplied = 0, 0.0
    for name, parameter in model.named_parameters():
        size = _size(parameter)
        total += size
        if parameter.ndim >= 2 and id(parameter) not in looked_up and not name.endswith("bias"):
            multiplied += size * (share if ".experts." in name else 1)
    adapters = sum(_size(parameter) for name, parameter in model.named_parameters() if ".lora_" in name)
    return ParameterCounts(total, round(multiplied) + _tied_head(model, looked_up), adapters)


def _size(parameter: Any) -> int:
    """Number of elements; bitsandbytes keeps two 4-bit weights in each byte."""
    packed = 2 if type(parameter).__name__ == "Params4bit" else 1
    return int(parameter.numel()) * packed


def _tied_head(model: Any, looked_up: set[int]) -> int:
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    weight = getattr(head, "weight", None)
    return int(weight.numel()) if weight is not None and id(weight) in looked_up else 0


def _expert_share(model: Any) -> float:
    """Routed experts a token meets, over all of them; 1 without experts."""
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    experts = next(
        (n for key in ("num_local_experts", "num_experts", "n_routed_experts") if (n := getattr(config, key, None))),
        None,
    )
    return config.num_experts_per_tok / experts if experts else 1.0
