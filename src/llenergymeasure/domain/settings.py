"""The settings that an engine really used, from the description of its model."""

from __future__ import annotations

from typing import Any

from llenergymeasure.domain.measurements import ModelInfo


def used_settings(info: ModelInfo) -> dict[str, Any]:
    """Number format, attention kernel, quantisation and the effective settings; without what is not known."""
    loaded = {"dtype": info.dtype, "attn_implementation": info.attn_implementation, "quantization": info.quantization}
    if "attention_backend" in info.effective_settings:  # vLLM's name for the attention kernel
        del loaded["attn_implementation"]
    return {name: value for name, value in loaded.items() if value is not None} | info.effective_settings
