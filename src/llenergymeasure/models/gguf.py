"""A model that is named by one GGUF file."""

from __future__ import annotations

SUFFIX = ".gguf"


def names_gguf(model: str) -> bool:
    """Whether a model is named by a GGUF file."""
    return model.lower().endswith(SUFFIX)
