"""Counts the parameters of a model, and those in matrix products per token.

They are computed from the architecture if its family is known, else counted in the modules. If that fails, they are None with
a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import nn

from llenergymeasure.core.backends.pytorch.parameters.adapters import AdapterCounts, count_adapters
from llenergymeasure.core.backends.pytorch.parameters.experts import RoutedExperts, UncountableError, routed_experts
from llenergymeasure.core.flops.architecture import shape_of

# Parts that do not process text, by their names in transformers' models.
TOWERS = (
    "vision",
    "visual",
    "image",
    "video",
    "audio",
    "speech",
    "multi_modal",
    "multimodal",
    "projector",
    "aligner",
    "vqmodel",
)
PACKED_DTYPES = (torch.uint8, torch.int8, torch.int16, torch.int32)


@dataclass(frozen=True)
class ParameterCounts:
    """Parameters of a model.

    Attributes:
        total: all parameters, tied ones once, packed ones unpacked; None when the number of packed weights is not known.
        in_matrix_products: those multiplied with each token: without the embedding look-up, with the output head even when tied, of
            routed experts the share that processes a token, without towers for images or sound; None when they cannot be counted.
        in_adapters: those of LoRA adapters that were not merged; None when the adapter is of another kind.
        counted_in_matrix_products: the same as `in_matrix_products`, counted in the modules alone, to check the
            architecture; None when they cannot be counted.
        reason: why a number is None; None when all are known.
    """

    total: int | None
    in_matrix_products: int | None
    in_adapters: int | None
    counted_in_matrix_products: int | None = None
    reason: str | None = None


def count_parameters(model: Any) -> ParameterCounts:
    """Count the parameters of a transformers model. It never raises for a model of an unknown kind."""
    adapters = count_adapters(model)
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    shape = shape_of(base.config.to_dict())
    counted, why_not = _counted(base)
    known = counted if shape is None else shape.n_matmul_parameters
    reason = adapters.reason or (why_not if known is None else None)
    total = _total(model)
    return ParameterCounts(
        total=total if total is not None or shape is None else shape.n_parameters,
        in_matrix_products=_with_adapters(known, adapters),
        in_adapters=adapters.count,
        counted_in_matrix_products=_with_adapters(counted, adapters),
        reason=reason,
    )


def _with_adapters(count: int | None, adapters: AdapterCounts) -> int | None:
    return None if count is None or adapters.count is None else count + adapters.count


def _counted(model: Any) -> tuple[int | None, str | None]:
    try:
        return _in_matrix_products(model, routed_experts(model)), None
    except UncountableError as error:
        return None, str(error)


def _in_matrix_products(model: Any, experts: RoutedExperts) -> int:
    looked_up = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    sizes = (
        matrix.size * experts.share_of(matrix.name, matrix.tensor)
        for name, module in model.named_modules()
        if not _is_idle(name) and not _is_of_adapter(name)
        for matrix in _matrices(name, module)
        if id(matrix.tensor) not in looked_up
    )
    return round(sum(sizes)) + _tied_head(model, looked_up)


def _is_idle(name: str) -> bool:
    """Whether a module belongs to a tower. Layers of the decoder may have similar names."""
    above = name.partition("layers.")[0]
    return any(tower in above for tower in TOWERS)


def _is_of_adapter(name: str) -> bool:
    return any(part.startswith("lora_") or part == "modules_to_save" for part in name.split("."))


class _Matrix(NamedTuple):
    name: str
    tensor: Any
    size: int


def _matrices(name: str, module: nn.Module) -> list[_Matrix]:
    """The module's own matrices, with their number of elements after unpacking."""
    packed = list(_packed_weights(module))
    if packed:
        own, tensor = packed[0]
        return [_Matrix(f"{name}.{own}", tensor, _unpacked_size(f"{name}.{own}", module))]
    return [
        _Matrix(f"{name}.{own}", tensor, tensor.numel())
        for own, tensor in module.named_parameters(recurse=False)
        if tensor.ndim >= 2 and not own.endswith("bias")
    ]


def _packed_weights(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """Parameters and buffers of integers, one of which may store several weights."""
    for own, tensor in chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False)):
        if tensor.ndim >= 2 and tensor.dtype in PACKED_DTYPES and any(word in own for word in ("weight", "blocks")):
            yield own, tensor


def _unpacked_size(name: str, module: nn.Module) -> int:
    """Number of weights of a quantised linear layer: its inputs times its outputs."""
    sizes = (getattr(module, "in_features", None), getattr(module, "out_features", None))
    if not all(isinstance(size, int) for size in sizes):
        raise UncountableError(f"the weights of {name} are packed, and their layer does not report their number")
    return int(sizes[0] * sizes[1])  # type: ignore[operator]


def _total(model: Any) -> int | None:
    """Number of all parameters, each counted once; None with packed weights of unknown number."""
    sizes: dict[int, int] = {}
    try:
        for name, module in model.named_modules():
            sizes.update((id(matrix.tensor), matrix.size) for matrix in _matrices(name, module))
            if not any(_packed_weights(module)):
                sizes.update((id(tensor), tensor.numel()) for tensor in module.parameters(recurse=False))
            elif getattr(module, "bias", None) is not None:
                sizes[id(module.bias)] = module.bias.numel()
    except UncountableError:
        return None
    return sum(sizes.values())


def quantization_of(model: Any) -> str | None:
    """The quantisation of the weights, such as gptq or bitnet; None without one. Weights of a GGUF file were dequantised."""
    config = getattr(model.config, "quantization_config", None)
    stated = config if isinstance(config, dict) or config is None else config.to_dict()
    method = (stated or {}).get("quant_method")
    name = None if method is None else str(getattr(method, "value", method))
    return None if name == "gguf" else name


def _tied_head(model: Any, looked_up: set[int]) -> int:
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    weight = getattr(head, "weight", None)
    return int(weight.numel()) if weight is not None and id(weight) in looked_up else 0
