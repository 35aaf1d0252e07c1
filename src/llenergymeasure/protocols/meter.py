"""The protocols of a meter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from llenergymeasure.domain.energy import EnergyReading, MeterChoice


@runtime_checkable
class OpenWindow(Protocol):
    """A measurement in progress."""

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        """End the measurement of the work.

        Args:
            start_s: start of the work in s, on the clock of `MeterContext`.
            end_s: end of the work in s.

        Returns:
            Joules above zero with a method, or None with a reason. Anything else counts as a failed meter.

        Raises:
            MeterError: the meter failed; other quantities are still measured, and the reason is recorded.
        """

    def abandon(self) -> None:
        """End the measurement without a reading. Safe after `close`."""


@runtime_checkable
class EnergyBackend(Protocol):
    """An energy meter. Windows may be nested."""

    @property
    def name(self) -> str:
        """Its name in configurations and results, such as nvml."""

    @property
    def devices(self) -> tuple[str, ...]:
        """Identities of the covered devices, such as GPU UUIDs; part of the key of a cached baseline."""

    def open_window(self) -> OpenWindow:
        """Begin measuring, right before the work. It may wait for a sensor's tick.

        Raises:
            MeterError: as for `OpenWindow.close`; any other exception ends the experiment.
        """

    def release(self) -> None:
        """Stop helpers and free handles. Safe to call twice."""


@dataclass(frozen=True)
class Metering:
    """The selected meter, and the reason."""

    meter: EnergyBackend
    choice: MeterChoice
