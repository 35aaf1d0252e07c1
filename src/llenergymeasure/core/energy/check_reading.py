"""Checks a meter's reading: either joules above zero with a method, or no joules with a reason."""

from __future__ import annotations

import math

from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.exceptions import ReadingFailed


def check_reading(reading: object, meter: str) -> EnergyReading:
    """The reading, if it is possible.

    Raises:
        ReadingFailed: the object is no reading, its joules are impossible or have no method, or it has neither joules nor
            a reason.
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
            f"{meter} gave {reading.energy_j:g} J, which is impossible: its counter did not advance or went backwards, or "
            "the window is shorter than the counter's update period; make the window longer"
        )
    return reading
