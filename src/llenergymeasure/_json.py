"""Reading JSON that anybody may have written: whatever is wrong with it is a ValueError, and nothing takes long."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from pydantic_core import from_json

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


def read_numbers(text: bytes) -> Any:
    """The same for documents of many numbers, several times as fast.

    Raises:
        ValueError: as `read_json` does.
    """
    try:
        value = from_json(text)
    except ValueError:  # it does not know lone surrogates either, which names of files hold
        return read_json(text)
    _check_numbers(value)
    return value


def _check_numbers(value: Any) -> None:
    if isinstance(value, dict):
        for one in value.values():
            _check_numbers(one)
    elif isinstance(value, list):
        for one in _extremes(value):
            _check_numbers(one)
    elif isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")


def _extremes(values: list[Any]) -> list[Any]:
    """Smallest and largest of numbers, which speak for the others; of anything else every one."""
    if values and isinstance(values[0], (int, float)):
        with suppress(TypeError):
            return [min(values), max(values)]
    return values


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)
