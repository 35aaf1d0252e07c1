"""The sampler of a machine without sensors."""

from __future__ import annotations


class NoSensors:
    """A sampler that records nothing."""

    def trace(self, start_s: float, end_s: float) -> None:
        """None: nothing was recorded."""
        return

    def outside(self, from_s: float, start_s: float, end_s: float) -> tuple[()]:
        """Nothing was recorded."""
        return ()
