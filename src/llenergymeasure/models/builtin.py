"""Models that need no download: an architecture and a tokenizer, for `load_format: dummy`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from llenergymeasure.exceptions import ConfigError

PREFIX = "builtin/"
BUILTIN_MODELS: Mapping[str, Path] = MappingProxyType(
    {f"{PREFIX}tiny-llama": Path(__file__).resolve().with_name("tiny_llama")}
)
"""Model id -> directory inside the package with config.json and tokenizer.json."""


def builtin_model_path(model: str) -> Path | None:
    """Where the files of a built-in model are.

    Args:
        model: a model id as written in a configuration.

    Returns:
        The directory; None when the id does not start with `builtin/`.

    Raises:
        ConfigError: there is no built-in model of this name.
    """
    if not model.startswith(PREFIX):
        return None
    if model not in BUILTIN_MODELS:
        raise ConfigError(f"there is no built-in model '{model}'", f"name one of: {', '.join(sorted(BUILTIN_MODELS))}")
    return BUILTIN_MODELS[model]
