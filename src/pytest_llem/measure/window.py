"""One window of the energy meter.

A window measures the whole energy of the devices while it is open. It is valid when it was closed, no exception was raised
inside, and the meter had no fault. Otherwise its energy is None, and its warnings have the reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Protocol

from llenergymeasure._plugin_api import MeterError, check_reading

_current: ContextVar[Window | None] = ContextVar("pytest_llem_window", default=None)


class Opener(Protocol):
    """The owner of the windows: it knows the meter and which windows are open."""

    @property
    def meter_name(self) -> str:
        """Of the meter."""

    def open_measurement(self) -> Any:
        """Begin to measure.

        Raises:
            MeterError: the meter failed, or there is none.
        """

    def opening(self, window: Window) -> None:
        """A window is about to open."""

    def closing(self, window: Window) -> None:
        """A window has closed."""


class Repeats(Protocol):
    """The windows that measure the same code several times."""

    def closed(self, window: Window) -> None:
        """One of them has closed."""

    def following(self, window: Window) -> Window | None:
        """The window after this one; None when there are enough."""


class Window:
    """One window: use it with `with` or `async with`, once.

    Attributes:
        name: as given.
        output_tokens: as given or set inside; None when unknown.
        parent: the window that it was opened in; None for an outer one.
        valid: whether `energy_j` covers the whole window without a fault; an estimate can be valid, see `method`.
        energy_j: joules; None while it is open and when not measured.
        energy_per_device_j: joules by device; None without.
        duration_s: seconds; None while it is open.
        method: counter, sampled, estimated or replayed; None when not measured.
        uncertainty_j: expanded (k = 2), in joules; None when unknown.
        warnings: remarks on the measurement.
    """

    def __init__(self, opener: Opener, name: str, output_tokens: int | None, repeats: Repeats | None = None) -> None:
        self._opener, self._repeats = opener, repeats
        self._inner: list[Window] = []
        self._beside: list[Window] = []
        self._exclusive_j: float | None = None
        self._measurement: Any = None
        self._started_s: float | None = None
        self.is_open = False
        self.name = name
        self.output_tokens = output_tokens
        self.parent: Window | None = None
        self.valid = False
        self.energy_j: float | None = None
        self.energy_per_device_j: dict[str, float] | None = None
        self.duration_s: float | None = None
        self.method: str | None = None
        self.uncertainty_j: float | None = None
        self.warnings: list[str] = []
        self.fault = ""  # why its energy is not valid
        self.no_reading = ""  # why the meter gave no joules

    @property
    def exclusive_j(self) -> float | None:
        """Joules without those of the inner windows; None while it is open and when unknown: `warnings` has the reason."""
        return self._exclusive_j

    @property
    def energy_per_output_token(self) -> float | None:
        """Joules per output token; None when not measured, or when the number of tokens is unknown."""
        if self.energy_j is None or not self.output_tokens:
            return None
        return self.energy_j / self.output_tokens

    def __iter__(self) -> Iterator[Window]:
        """This window, then a new one for each further repeat; `with window:` belongs into the loop."""
        window: Window | None = self
        while window is not None:
            yield window
            if not window.is_closed:
                raise RuntimeError(
                    f"window {self.name!r} was not measured in its iteration: write `with window:` inside the loop"
                )
            window = self._repeats.following(window) if self._repeats is not None else None

    @property
    def is_closed(self) -> bool:
        """Whether it was opened and closed again."""
        return self.duration_s is not None

    @property
    def is_concurrent(self) -> bool:
        """Whether another window that does not lie in it was open at the same time."""
        return bool(self._beside)

    def __enter__(self) -> Window:
        if self._started_s is not None:
            raise RuntimeError(f"window {self.name!r} was used before; call energy_meter.window(...) again")
        self._nest_in(_current.get())
        self._opener.opening(self)
        try:
            self._measurement = self._opener.open_measurement()
        except MeterError as error:
            self._fault(f"the meter failed: {error}")
        _current.set(self)
        self.is_open = True
        self._started_s = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end_s = time.perf_counter()
        self._close(end_s, error)

    async def __aenter__(self) -> Window:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _nest_in(self, around: Window | None) -> None:
        """Belong to the innermost open window of `around` and its parents."""
        while around is not None and not around.is_open:
            around = around.parent
        self.parent = around
        if around is not None and around._opener is self._opener:
            around._inner.append(self)

    def lies_in(self, other: Window) -> bool:
        """Whether the other window was open for the whole time of this one so far."""
        return self.parent is not None and (self.parent is other or self.parent.lies_in(other))

    def overlaps(self, other: Window) -> None:
        """Remember that two windows are open at the same time, and that neither lies in the other."""
        for one, another in ((self, other), (other, self)):
            one._beside.append(another)
            one.warnings.append(f"overlaps window {another.name!r}: each includes the energy of both")

    def outlive_parent(self) -> None:
        """The parent closes first: the two were concurrent, and this window belongs to the next one around both."""
        parent = self.parent
        assert parent is not None, "only a window with a parent outlives it"
        parent._inner.remove(self)
        self._nest_in(parent.parent)

    def _close(self, end_s: float, error: BaseException | None) -> None:
        self.is_open = False
        if _current.get() is self:  # not when a window that was opened inside is still open
            _current.set(self.parent)
        self._opener.closing(self)
        measurement, self._measurement = self._measurement, None
        start_s = self._started_s or end_s
        self.duration_s = end_s - start_s
        if measurement is not None:
            self._read(measurement, start_s, end_s, error)
        self._set_exclusive()
        if self._repeats is not None and (error is None or isinstance(error, Exception)):  # not at Ctrl-C
            self._repeats.closed(self)

    def _read(self, measurement: Any, start_s: float, end_s: float, error: BaseException | None) -> None:
        try:
            reading = check_reading(measurement.close(start_s, end_s), self._opener.meter_name)
        except MeterError as fault:
            self._fault(f"the meter failed: {fault}")
            return
        finally:
            measurement.abandon()
        if error is not None:
            self._fault(f"{type(error).__name__} was raised inside: only a part of the work was measured")
        else:
            self._take(reading)

    def _take(self, reading: Any) -> None:
        self.warnings.extend(reading.problems)
        if reading.energy_j is None:
            self.no_reading = str(reading.reason)
            self.warnings.append(f"not measured: {self.no_reading}")
            return
        self.valid = True
        self.energy_j, self.method = reading.energy_j, reading.method
        self.energy_per_device_j, self.uncertainty_j = reading.per_device_j, reading.uncertainty_j
        if reading.method == "estimated":
            self.warnings.append(f"an estimate by {self._opener.meter_name}, not a measurement")
        if reading.method == "replayed":
            self.warnings.append("simulated: the joules come from a recording")

    def _set_exclusive(self) -> None:
        if self.energy_j is None:
            return
        inner = [window.energy_j for window in self._inner if window.energy_j is not None]
        left_j = self.energy_j - sum(inner)
        unmeasured = [window.name for window in self._inner if window.energy_j is None]
        if unmeasured:
            why = f"the inner window {unmeasured[0]!r} was not measured"
        elif any(one in another._beside for one in self._inner for another in self._inner):
            why = "its inner windows overlap each other"
        elif left_j < 0:
            why = f"the inner windows measured {sum(inner):.4g} J, more than its {self.energy_j:.4g} J"
        else:
            self._exclusive_j = left_j
            return
        self.warnings.append(f"exclusive_j is None: {why}")

    def _fault(self, why: str) -> None:
        self.valid, self.energy_j, self.fault = False, None, why
        self.warnings.append(why)

    def leave_open(self) -> None:
        """Give up the window: the test has ended before it."""
        if self.is_open:
            self.is_open = False
            if self._measurement is not None:
                self._measurement.abandon()
            self._measurement = None
            self._fault("not closed: the test ended before the window")

    def as_plain(self) -> dict[str, Any]:
        """The window in the session report."""
        return {
            "name": self.name,
            "parent": None if self.parent is None else self.parent.name,
            "valid": self.valid,
            "energy_j": self.energy_j,
            "exclusive_j": self.exclusive_j,
            "duration_s": self.duration_s,
            "method": self.method,
            "uncertainty_j": self.uncertainty_j,
            "output_tokens": self.output_tokens,
            "energy_per_output_token": self.energy_per_output_token,
            "warnings": list(self.warnings),
        }
