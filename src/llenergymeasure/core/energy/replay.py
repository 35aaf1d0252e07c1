"""A meter that replays recorded joules, for tests without a sensor. Its readings have the method `replayed`."""

from __future__ import annotations

from collections.abc import Callable

from llenergymeasure.domain.energy import EnergyReading

NOT_RECORDED = "replay: only measured windows have recorded joules"


class ReplayMeter:
    """Returns recorded joules as readings.

    Args:
        next_joules: returns the recorded joules of the window that is being opened; None = none are recorded.
    """

    name = "replay"
    devices: tuple[str, ...] = ("replay",)

    def __init__(self, next_joules: Callable[[], float | None]) -> None:
        self._next_joules = next_joules

    def open_window(self) -> ReplayWindow:
        return ReplayWindow(self._next_joules())

    def release(self) -> None:
        """Do nothing: nothing is open."""


class ReplayWindow:
    """A window with recorded joules."""

    def __init__(self, joules: float | None) -> None:
        self._joules = joules

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        if self._joules is None:
            return EnergyReading(meter="replay", reason=NOT_RECORDED)
        return EnergyReading(meter="replay", energy_j=self._joules, method="replayed")

    def abandon(self) -> None:
        """Do nothing: nothing is open."""
