"""A tokenizer as its tokenizer.json states it, read without transformers: the tokenizers door."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from llenergymeasure._json import read_json

TOKENIZER_FILE = "tokenizer.json"


def highest_id(directory: Path) -> int | None:
    """The highest id of the vocabulary, without what was added to it; None where no tokenizer.json states one."""
    try:
        stated = read_json((directory / TOKENIZER_FILE).read_bytes())["model"]["vocab"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    if isinstance(stated, list):
        return len(stated) - 1 if stated else None
    ids = stated.values() if isinstance(stated, dict) else ()
    return max((each for each in ids if isinstance(each, int)), default=None)


def encoded(directory: Path, texts: Sequence[str]) -> list[list[int]] | None:
    """The ids of each text, without special tokens around it; None where tokenizers or a tokenizer.json is missing."""
    path = directory / TOKENIZER_FILE
    try:
        tokenizer: Any = import_module("tokenizers").Tokenizer.from_file(str(path)) if path.is_file() else None
    except Exception:  # tokenizers raises plain exceptions of its own
        return None
    if tokenizer is None:
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return [list(each.ids) for each in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
