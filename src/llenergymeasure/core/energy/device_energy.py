"""The joules of one device in one window."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llenergymeasure.domain.measurements import EnergyMethod


@dataclass(frozen=True)
class DeviceEnergy:
    """Joules of one device in a window, with the parts of their uncertainty (k = 2).

    Attributes:
        energy_j: the joules.
        method: how they were got.
        parts_j: of the uncertainty.
        crosscheck: the same by a second method; None without one.
        problem: what went wrong on the way; None when nothing did.
    """

    energy_j: float
    method: EnergyMethod
    parts_j: dict[str, float]
    crosscheck: DeviceEnergy | None = None
    problem: str | None = None

    @property
    def own_error_j(self) -> float:
        """The uncertainty without the gain, which the sensors of a card share."""
        return math.hypot(*(part_j for name, part_j in self.parts_j.items() if name != "gain"))
