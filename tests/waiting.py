"""Waiting for what other processes do, for as long as a busy machine needs."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether a condition became true in time."""
    end_s = time.monotonic() + seconds
    while not condition():  # it is asked once at a time: what was true may be over a moment later
        if time.monotonic() >= end_s:
            return False
        time.sleep(0.01)
    return True
