"""The windows of one test, and the meter that measures them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llenergymeasure._plugin_api import MeterError, PreFlightError
from pytest_llem.measure.measuring import Measuring
from pytest_llem.measure.window import Window


class Windows:
    """Opens the windows of a test.

    Args:
        measuring: returns the owner of the meter; called when the meter is first needed.
        test: node id; it selects the recorded joules of a replay.

    Attributes:
        all: every window, in the order of opening.
        why_none: why there is no meter; empty when there is one, or before the meter is chosen.
    """

    def __init__(self, measuring: Callable[[], Measuring], test: str) -> None:
        self._measuring, self._test = measuring, test
        self._metering: Any = None
        self._open: list[Window] = []
        self.all: list[Window] = []
        self.why_none = ""

    @property
    def choice(self) -> Any:
        """The meter that was chosen, with the reason; None when there is none."""
        if self._metering is None and not self.why_none:
            try:
                self._metering = self._measuring().metering
            except PreFlightError as error:
                self.why_none = str(error)
        return None if self._metering is None else self._metering.choice

    @property
    def meter_name(self) -> str:
        """Of the meter; `none` when there is none."""
        return "none" if self.choice is None else str(self.choice.name)

    def open_measurement(self) -> Any:
        """Begin to measure.

        Raises:
            MeterError: the meter failed, or there is none.
        """
        if self.choice is None:
            raise MeterError(self.why_none)
        with self._measuring().taking_joules_of(self._test):
            return self._metering.meter.open_window()

    def opening(self, window: Window) -> None:
        """A window is about to open: add a warning to it and to each open window that overlaps without enclosing it."""
        self.all.append(window)
        around = _ancestors(window)
        for other in self._open:
            if other not in around:
                other.warnings.append(f"overlaps window {window.name!r}: each includes the energy of both")
                window.warnings.append(f"overlaps window {other.name!r}: each includes the energy of both")
        self._open.append(window)

    def closing(self, window: Window) -> None:
        """A window has closed."""
        if window in self._open:
            self._open.remove(window)

    def finish(self) -> None:
        """The test has ended: give up the windows that are still open."""
        for window in self._open:
            window.leave_open()
        self._open = []


def _ancestors(window: Window) -> list[Window]:
    found: list[Window] = []
    parent = window.parent
    while parent is not None:
        found.append(parent)
        parent = parent.parent
    return found
