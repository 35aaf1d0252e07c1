"""The part of a meter's reading that can be true: joules above zero with a method, or none with a reason."""

from __future__ import annotations

import math

from llenergymeasure.domain.measurements import EnergyReading
from llenergymeasure.exceptions import ReadingFailed


def check_reading(reading: object, meter: str) -> EnergyReading:
    """The reading, when it can be.

    Raises:
        ReadingFailed: it is no reading, has joules that cannot be or without a method, or has neither joules nor a reason.
    """
    if not isinstance(reading, EnergyReading):
        raise ReadingFailed(f"{meter} gave {type(reading).__name__} {reading!r} instead of an EnergyReading")
    if reading.energy_j is None:
        if not reading.reason:
            raise ReadingFailed(f"{meter} gave neither joules nor a reason")
        return reading
    if reading.method is None:
        raise ReadingFailed(f"{meter} gave {reading.energy_j:g} J without a method")
    if not 0 < reading.energy_j < math.inf:
        raise ReadingFailed(
            f"{meter} gave {reading.energy_j:g} J, which no work takes: its counter stood still or went backwards, or the "
            "window is too short for it; make it longer"
        )
    return reading
