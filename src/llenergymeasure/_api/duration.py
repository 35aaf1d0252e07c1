"""A duration as text."""

from __future__ import annotations

MINUTE_S, HOUR_S = 60, 3600


def duration(seconds: float) -> str:
    """A duration in s, min or h."""
    if seconds < 2 * MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min"
    return f"{seconds / HOUR_S:.1f} h"
