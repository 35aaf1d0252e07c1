"""A value inside a message."""

from __future__ import annotations

import json
from typing import Any

from llenergymeasure.config.passthrough import without_credentials

MAX_LENGTH = 80


def shown(value: Any, key: str = "") -> str:
    """The value as YAML writes it, on one short line; never one that looks like a secret.

    Args:
        value: anything.
        key: the name it was given under, which may tell that it is a secret.
    """
    harmless = without_credentials(value, key)
    try:
        text = json.dumps(harmless, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = str(harmless)
    return cut(text)


def cut(text: str, longest: int = MAX_LENGTH) -> str:
    """The text, or enough of it to find it again."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
