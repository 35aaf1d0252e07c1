"""Models in one GGUF file, which transformers reads and dequantises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from llenergymeasure.exceptions import ConfigError, Finding
from llenergymeasure.models.files.gguf_header import (
    ArrayLength,
    BrokenGgufError,
    GgufHeader,
    read_gguf_header,
)
from llenergymeasure.models.gguf import gguf_path

FETCH_AGAIN = "fetch or copy the file again"
# The names in config.json of the keys that follow the architecture's name.
CONFIG_KEYS: Mapping[str, str] = {
    "block_count": "num_hidden_layers", "context_length": "max_position_embeddings", "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size", "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads", "attention.key_length": "head_dim",
    "attention.sliding_window": "sliding_window", "vocab_size": "vocab_size",
}  # fmt: skip


def gguf_header(model: str) -> GgufHeader:
    """The header of the file.

    Raises:
        ConfigError: the file is missing or cannot be read.
    """
    path = gguf_path(model)
    try:
        state = path.stat()
        return _header_of(path, state.st_mtime_ns, state.st_size)
    except BrokenGgufError as error:
        raise ConfigError(f"model file {path} {error}", FETCH_AGAIN) from None
    except OSError as error:
        raise ConfigError(f"model file {path} cannot be read: {error.strerror}", "check the path") from None


@lru_cache(maxsize=8)
def _header_of(path: Path, _changed_ns: int, _size: int) -> GgufHeader:
    """The header of a file in one state: the checks of each cell of a study read it, and skipping a vocabulary takes time."""
    return read_gguf_header(path)


def config_in_gguf(header: GgufHeader) -> dict[str, Any]:
    """The values of a header, under the names of a config.json."""
    kind = header.architecture
    stated = {ours: header.values.get(f"{kind}.{theirs}") for theirs, ours in CONFIG_KEYS.items()}
    tokens = header.values.get("tokenizer.ggml.tokens")
    if stated["vocab_size"] is None and isinstance(tokens, ArrayLength):
        stated["vocab_size"] = tokens.count
    # The layers of some models differ: then the value is an array, which is not valid for a single layer.
    known = {name: value for name, value in stated.items() if value is not None and not isinstance(value, ArrayLength)}
    return {"model_type": kind, **known}


def gguf_findings(model: str) -> Iterator[Finding]:
    """Findings about the file; none when it can be read."""
    try:
        gguf_header(model)
    except ConfigError as error:
        yield Finding(error.located, error.fix)
