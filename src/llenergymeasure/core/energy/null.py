"""The meters that measure nothing: energy measurement is switched off, or no meter is available."""

from __future__ import annotations

from llenergymeasure.domain.energy import EnergyReading


class UnmeasuredWindow:
    """A window without a reading."""

    def __init__(self, meter: str, reason: str) -> None:
        self._meter, self._reason = meter, reason

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        return EnergyReading(meter=self._meter, reason=self._reason)

    def abandon(self) -> None:
        """Do nothing: nothing is open."""


class NullMeter:
    """Energy is not measured, on purpose."""

    name = "null"
    devices: tuple[str, ...] = ()

    def __init__(self, reason: str = "energy.backend is null: energy measurement is switched off") -> None:
        self.reason = reason

    def open_window(self) -> UnmeasuredWindow:
        return UnmeasuredWindow(self.name, self.reason)

    def release(self) -> None:
        """Do nothing: nothing is open."""


class NoMeter(NullMeter):
    """No meter is available; the reason contains the outcome of every probe."""

    name = "none"
