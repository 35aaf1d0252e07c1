"""Waiting for what other processes do, for as long as a busy machine needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether a condition became true in time. A file that it listed and that is gone when it reads it makes it false."""
    end_s = time.monotonic() + seconds
    while True:
        with suppress(FileNotFoundError):  # another process has renamed its folder in the meantime
            if condition():  # it is asked once at a time: what was true may be over a moment later
                return True
        if time.monotonic() >= end_s:
            return False
        time.sleep(0.01)
