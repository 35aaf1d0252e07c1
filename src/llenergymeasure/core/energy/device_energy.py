"""The energy of one device in one window."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llenergymeasure.domain.energy import EnergyMethod


@dataclass(frozen=True)
class DeviceEnergy:
    """Energy of one device in a window, with the parts of its uncertainty (k = 2).

    Attributes:
        energy_j: energy in J.
        method: how the energy was measured.
        parts_j: parts of the uncertainty in J, by name.
        crosscheck: the energy by a second method; None without one.
        problem: a problem of the measurement, as text; None without one.
    """

    energy_j: float
    method: EnergyMethod
    parts_j: dict[str, float]
    crosscheck: DeviceEnergy | None = None
    problem: str | None = None

    @property
    def own_error_j(self) -> float:
        """The uncertainty in J without the gain error, which all sensors of a card share."""
        return math.hypot(*(part_j for name, part_j in self.parts_j.items() if name != "gain"))
