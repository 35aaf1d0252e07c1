"""Recorded joules in place of a sensor, for tests without one. Every reading says that it is replayed."""

from __future__ import annotations

from collections.abc import Callable

from llenergymeasure.domain.measurements import EnergyReading

NOT_RECORDED = "replay: only measured windows have recorded joules"


class ReplayMeter:
    """Hands out recorded joules.

    Args:
        next_joules: the joules of the window that is being opened; None = it has none on record.
    """

    name = "replay"
    devices: tuple[str, ...] = ("replay",)

    def __init__(self, next_joules: Callable[[], float | None]) -> None:
        self._next_joules = next_joules

    def open_window(self) -> ReplayWindow:
        return ReplayWindow(self._next_joules())

    def release(self) -> None:
        """Nothing is held."""


class ReplayWindow:
    """A window whose joules are known before it ends."""

    def __init__(self, joules: float | None) -> None:
        self._joules = joules

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        if self._joules is None:
            return EnergyReading(meter="replay", reason=NOT_RECORDED)
        return EnergyReading(meter="replay", energy_j=self._joules, method="replayed")

    def abandon(self) -> None:
        """Nothing is held open."""
