"""Reads a tokenizer.json without transformers. Only this module imports tokenizers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from llenergymeasure._json import read_json

TOKENIZER_FILE = "tokenizer.json"


def highest_id(directory: Path) -> int | None:
    """The highest id of the vocabulary, without added tokens; None without a tokenizer.json that states it."""
    try:
        stated = read_json((directory / TOKENIZER_FILE).read_bytes())["model"]["vocab"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    if isinstance(stated, list):
        return len(stated) - 1 if stated else None
    ids = stated.values() if isinstance(stated, dict) else ()
    return max((each for each in ids if isinstance(each, int)), default=None)


def encoded(directory: Path, texts: Sequence[str]) -> list[list[int]] | None:
    """The ids of each text, without special tokens around it; None when tokenizers or tokenizer.json is missing."""
    path = directory / TOKENIZER_FILE
    try:
        tokenizer: Any = import_module("tokenizers").Tokenizer.from_file(str(path)) if path.is_file() else None
    except Exception:  # tokenizers raises plain `Exception`
        return None
    if tokenizer is None:
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [list(each.ids) for each in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
