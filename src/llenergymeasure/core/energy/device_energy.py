"""The energy of one device in one window."""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def combined_parts(devices: Sequence[DeviceEnergy]) -> dict[str, float]:
    """Parts in J of the uncertainty of the sum of devices.

    Gain errors of devices of one kind may be equal, so they add linearly; the other parts are independent.
    """
    names = {name for device in devices for name in device.parts_j}
    parts = {name: math.hypot(*(device.parts_j.get(name, 0.0) for device in devices)) for name in sorted(names)}
    return {**parts, "gain": math.fsum(device.parts_j["gain"] for device in devices)}
