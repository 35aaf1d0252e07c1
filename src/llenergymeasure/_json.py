"""Reads JSON from untrusted sources: every error is a ValueError, and no input takes long."""

from __future__ import annotations

import json
from typing import Any

MAX_DIGITS = 300
"""An integer with more digits exceeds the range of a float, and would fail at the first division."""


def read_json(text: str | bytes) -> Any:
    """The value of a JSON document.

    Raises:
        ValueError: not JSON, nested too deeply for Python, or with an integer of too many digits.
    """
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)
