"""No meter: switched off on purpose, or none to be had."""

from __future__ import annotations

from llenergymeasure.domain.measurements import EnergyReading


class UnmeasuredWindow:
    """A window without a reading."""

    def __init__(self, meter: str, reason: str) -> None:
        self._meter, self._reason = meter, reason

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        return EnergyReading(meter=self._meter, reason=self._reason)

    def abandon(self) -> None:
        """Nothing is held open."""


class NullMeter:
    """Energy is not measured, and that is meant."""

    name = "null"
    devices: tuple[str, ...] = ()

    def __init__(self, reason: str = "energy.backend is null: switched off on purpose") -> None:
        self.reason = reason

    def open_window(self) -> UnmeasuredWindow:
        return UnmeasuredWindow(self.name, self.reason)

    def release(self) -> None:
        """Nothing is held."""


class NoMeter(NullMeter):
    """Energy cannot be measured here; the reason says what every probe found."""

    name = "none"
