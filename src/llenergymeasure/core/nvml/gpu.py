"""A GPU and its readings at one time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

# A GPU exceeds its power limit for milliseconds at most, and never by a factor of two; a faulty sensor reports megawatts.
IMPOSSIBLE_LIMITS = 2.0
# nvml.h: architectures on which nvmlDeviceGetPowerUsage (driver > 530) is the 1 s average.
_AVERAGING = frozenset({"ampere", "ada", "hopper"})


@dataclass(frozen=True)
class PowerReading:
    """Energy and power of one device at one time; None where the device reports no value."""

    energy_j: float | None = None
    average_w: float | None = None
    instant_w: float | None = None


@dataclass(frozen=True)
class ConditionReading:
    """State of one device at one time; None where the device reports no value."""

    temperature_c: float | None = None
    memory_used_mb: float | None = None
    memory_total_mb: float | None = None
    utilisation_pct: float | None = None
    clock_mhz: float | None = None
    reasons: int | None = None


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes:
        index: NVML's number, by PCI bus.
        uuid: its identity, the same for torch and NVML.
        name: product name.
        architecture: such as `hopper`; `unknown` when the driver does not report it.
        handle: NVML's handle.
        power_limit_w: power limit in W; None when the driver does not report it.
    """

    index: int
    uuid: str
    name: str
    architecture: str
    handle: Any
    power_limit_w: float | None = None

    @property
    def highest_power_w(self) -> float:
        """Power in W above which a reading is a sensor error; infinite where no limit is known."""
        return math.inf if self.power_limit_w is None else IMPOSSIBLE_LIMITS * self.power_limit_w

    @property
    def power_usage_is_average(self) -> bool:
        """Whether nvmlDeviceGetPowerUsage is the 1 s average: it lags by a second."""
        return self.architecture in _AVERAGING and "A100" not in self.name
