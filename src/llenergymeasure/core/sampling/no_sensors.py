"""The sampler of a machine without sensors."""

from __future__ import annotations


class NoSensors:
    """A sampler that records nothing."""

    def trace(self, start_s: float, end_s: float, opened_s: float | None = None) -> None:
        """None: nothing was recorded."""
        return
