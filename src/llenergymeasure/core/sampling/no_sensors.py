"""A machine without sensors has nothing to sample."""

from __future__ import annotations


class NoSensors:
    """The sampler of a machine without sensors: sees nothing and says so."""

    def trace(self, start_s: float, end_s: float) -> None:
        """Nothing was seen."""
        return
