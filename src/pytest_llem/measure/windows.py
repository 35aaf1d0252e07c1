"""The windows of one test, and the meter that measures them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llenergymeasure._plugin_api import MeterError, PreFlightError
from pytest_llem.failure import failure
from pytest_llem.measure.measuring import Measuring
from pytest_llem.measure.replay import ReplayError
from pytest_llem.measure.window import Opener, Window


class Windows:
    """Opens the windows of a test.

    Args:
        measuring: returns the owner of the meter; called when the meter is first needed.
        item: the test; it selects the hooks, and the recorded joules of a replay.

    Attributes:
        all: every window, in the order of opening.
        why_none: why there is no meter; empty when there is one, or before the meter is chosen.
    """

    def __init__(self, measuring: Callable[[], Measuring], item: pytest.Item) -> None:
        self._measuring, self._item = measuring, item
        self._metering: Any = None
        self._open: list[Window] = []
        self.all: list[Window] = []
        self.why_none = ""

    @property
    def choice(self) -> Any:
        """The meter that was chosen, with the reason; None when there is none."""
        if self._metering is None and not self.why_none:
            try:
                self._metering = self._measuring().metering_for(self._item)
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
            pytest.fail.Exception: a recording has no more joules.
        """
        if self.choice is None:
            raise MeterError(self.why_none)
        try:
            with self._measuring().taking_joules_of(self._item.nodeid):
                return self._metering.meter.open_window()
        except ReplayError as error:
            raise failure(str(error)) from None

    def opening(self, window: Window) -> None:
        """A window is about to open: it overlaps each open window that does not enclose it."""
        self.all.append(window)
        for other in self._open:
            if not window.lies_in(other):
                window.overlaps(other)
        self._open.append(window)

    def closing(self, window: Window) -> None:
        """A window has closed. Windows that were opened in it and are still open are concurrent with it, not nested."""
        if window in self._open:
            self._open.remove(window)
        concurrent = [other for other in self._open if other.lies_in(window)]
        children = [other for other in concurrent if other.parent is window]
        for other in concurrent:
            window.overlaps(other)
        for other in children:
            other.outlive_parent()

    def finish(self) -> None:
        """The test has ended: give up the windows that are still open."""
        for window in self._open:
            window.leave_open()
        self._open = []

    def forget(self) -> None:
        """The attempt of the test does not count: nor do its windows."""
        self.finish()
        self.all = []


class Counted:
    """Repeats without a gate: a given number of windows."""

    def __init__(self, opener: Opener, output_tokens: int | None, wanted: int) -> None:
        if wanted < 1:
            raise ValueError(f"repeats is {wanted}; it must be at least 1")
        self._opener, self._output_tokens, self._left = opener, output_tokens, wanted - 1

    def closed(self, window: Window) -> None:
        """One of them has closed."""

    def following(self, window: Window) -> Window | None:
        """The next window; None when there are enough."""
        self._left -= 1
        return Window(self._opener, window.name, self._output_tokens, self) if self._left >= 0 else None
