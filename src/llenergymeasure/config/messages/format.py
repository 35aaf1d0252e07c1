"""Formats a value for a message."""

from __future__ import annotations

import json
from typing import Any

from llenergymeasure.config.checks.passthrough import without_credentials

MAX_LENGTH = 80


def shown(value: Any, key: str = "") -> str:
    """The value as YAML writes it, cut to one short line, with credentials hidden.

    Args:
        value: anything.
        key: the name of the value, from which a credential may be recognised.
    """
    harmless = without_credentials(value, key)
    try:
        text = json.dumps(harmless, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = str(harmless)
    return cut(text)


def cut(text: str, longest: int = MAX_LENGTH) -> str:
    """The text, cut to at most `longest` characters."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
