"""The devices of a model, and the device of its input.

A device map may leave weights in host memory or on disk. accelerate then keeps them on the `meta` device, where nothing can
be computed, and its hooks copy each module's weights to an execution device during the call of the module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

NOWHERE = "meta"


def input_device(model: nn.Module) -> torch.device:
    """The device of the first module that computes: the execution device of the input embedding."""
    first = _input_embedding(model)
    for module in (first, model):
        device = _execution_device(module)
        if device is not None:
            return device
    parameters = [*first.parameters(), *model.parameters()]
    return next((one.device for one in parameters if one.device.type != NOWHERE), torch.device("cpu"))


def devices_of(model: nn.Module) -> tuple[str, ...]:
    """Every device that stores or computes a part of a model, sorted; `disk` if weights stay there."""
    held = {str(parameter.device) for parameter in model.parameters()}
    mapped = {_named(place) for place in (getattr(model, "hf_device_map", None) or {}).values()}
    computing = {str(device) for device in map(_execution_device, model.modules()) if device is not None}
    return tuple(sorted((held | mapped | computing) - {NOWHERE}))


def kind_of(devices: tuple[str, ...]) -> str:
    """cuda when a part is on a CUDA device, else cpu."""
    return "cuda" if any(device.startswith("cuda") for device in devices) else "cpu"


def _input_embedding(model: Any) -> nn.Module:
    """The first module that computes; the whole model if it does not name its input embedding."""
    try:
        embedding = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return model
    return embedding if isinstance(embedding, nn.Module) else model


def _execution_device(module: Any) -> torch.device | None:
    """The device on which accelerate's hook runs a module; None without such a hook."""
    devices = (getattr(hook, "execution_device", None) for hook in _hooks(module))
    return next((torch.device(_named(device)) for device in devices if device is not None), None)


def _hooks(module: Any) -> Iterator[Any]:
    hook = getattr(module, "_hf_hook", None)
    yield from getattr(hook, "hooks", (hook,))


def _named(device: Any) -> str:
    """The device in torch's spelling: a bare number is a CUDA device, and `cuda` alone the first one."""
    name = f"cuda:{device}" if isinstance(device, int) else str(device)
    return "cuda:0" if name == "cuda" else name
