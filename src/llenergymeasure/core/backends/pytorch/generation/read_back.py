"""Reads back from a loaded model what transformers made of settings that it may ignore."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llenergymeasure.core.backends.pytorch.generation.settings import HARMLESS, means_off, plain

# The layers of bitsandbytes, by the setting that creates them.
QUANTISED_LAYERS: Mapping[str, str] = {"load_in_4bit": "Linear4bit", "load_in_8bit": "Linear8bitLt"}


def quantised_layers(model: Any) -> dict[str, bool]:
    """Whether the model has layers of bitsandbytes, by the names of the settings."""
    kinds = {type(module).__name__ for module in model.modules()}
    return {name: True for name, kind in QUANTISED_LAYERS.items() if kind in kinds}


def kind_of_cache(cache: Any | None) -> str | None:
    """The kind of a cache of transformers: static or offloaded, with windows where layers have them.

    None without a cache, and for a model whose layers all have a state of fixed size, which is the same in every kind.
    """
    if cache is None or all(cache.is_linear):
        return None
    kind = "offloaded" if cache.offloading else "static"
    return f"{kind} with windows" if any(cache.is_sliding) else kind


def without_effect(
    passthrough: Mapping[str, Any], found: Mapping[str, Any], defaults: Mapping[str, Any], used: Mapping[str, Any]
) -> dict[str, None]:
    """Passthrough arguments of `generate` whose condition is not met, such as `length_penalty` without beams.

    Args:
        passthrough: the arguments of the configuration.
        found: every field of the generation configuration that `generate` builds.
        defaults: transformers' defaults.
        used: the settings with an effect.
    """
    idle = (name for name in passthrough if name in found and name not in used and name not in HARMLESS)
    return {name: None for name in idle if not means_off(name, passthrough[name], defaults.get(name))}


def of_model(passthrough: Mapping[str, Any], model: Any, found: Mapping[str, Any]) -> dict[str, Any]:
    """Passthrough arguments that became fields of the model's configuration, with their values there."""
    fields = model.config.to_dict()
    return {name: plain(fields[name]) for name in passthrough if name in fields and name not in found}
