"""Reading JSON that anybody may have written: whatever is wrong with it is a ValueError, and nothing takes long."""

from __future__ import annotations

import json
from typing import Any

MAX_DIGITS = 300
"""A whole number of more digits fits into no float: it would fail where it is first divided."""


def read_json(text: str | bytes) -> Any:
    """The value of a JSON document.

    Raises:
        ValueError: not JSON, nested too deeply for Python, or with a whole number that no arithmetic can use.
    """
    try:
        return json.loads(text, parse_int=_whole_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)
