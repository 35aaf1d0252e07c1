"""Converts values to the types that junit, JSON and xdist accept: text, int, float or bool."""

from __future__ import annotations

import numbers
from typing import Any

Plain = str | int | float | bool


def plain(value: Any) -> Plain:
    """The value as a plain type; other types become text. A numpy number under xdist would end the run without a message."""
    if type(value) in (str, int, float, bool):
        return value  # type: ignore[no-any-return]
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "size", 1) == 1:
        try:
            inner = item()
        except (TypeError, ValueError, RuntimeError):
            return str(value)
        if type(inner) in (str, int, float, bool):
            return inner  # type: ignore[no-any-return]
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return str(value)
