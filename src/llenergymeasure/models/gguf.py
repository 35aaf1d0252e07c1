"""Models in a single GGUF file."""

from __future__ import annotations

from pathlib import Path

from llenergymeasure.models.builtin import PACKAGED_MODELS, builtin_model_path

SUFFIX = ".gguf"


def names_gguf(model: str) -> bool:
    """Whether a model name is that of a GGUF file, or of a built-in model in one."""
    return model.lower().endswith(SUFFIX) or model in PACKAGED_MODELS


def gguf_path(model: str) -> Path:
    """The path of the GGUF file of a model.

    Args:
        model: a path, or the name of a built-in model in a GGUF file.

    Raises:
        ConfigError: the package of a built-in model is not installed.
    """
    return builtin_model_path(model) or Path(model)
