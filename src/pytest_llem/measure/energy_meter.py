"""The `energy_meter` fixture: the energy of any code, in windows that may be nested, repeated and concurrent.

```
outer -------------------------------      energy_j of outer holds everything
   inner ------   inner ------             exclusive_j of outer = energy_j of outer - that of both inner windows
```

A window is the devices' whole energy while it is open. Windows of two tasks or threads that overlap without being nested
hold each other's energy, and say so. A window is valid when it closed by itself, nothing was raised inside, and the
meter saw no fault; otherwise its energy is None, with the reason among its warnings.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pytest_llem.plain_values import plain

if TYPE_CHECKING:
    import pytest

    from pytest_llem.measure.measuring import Measuring
    from pytest_llem.stash import State

_current: ContextVar[Window | None] = ContextVar("pytest_llem_window", default=None)


class Window:
    """One window: use it with `with` or `async with`, once.

    Attributes:
        name: as given.
        output_tokens: as given or set inside; None when not said.
        parent: the window that it was opened in; None for an outer one.
        valid: whether `energy_j` is of the whole window and without a fault; an estimate can be, see `method`.
        energy_j: joules; None while it is open and when not measured.
        energy_per_device_j: joules by device; None without.
        duration_s: seconds; None while it is open.
        method: counter, sampled, estimated or replayed; None when not measured.
        uncertainty_j: expanded (k = 2), in joules; None when unknown.
        warnings: what a reader should know.
    """

    def __init__(self, meter: EnergyMeter, name: str, output_tokens: int | None) -> None:
        self._meter = meter
        self._inner: list[Window] = []
        self._measurement: Any = None
        self._started_s: float | None = None
        self._is_open = False
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

    @property
    def exclusive_j(self) -> float | None:
        """Joules without those of the windows inside; None when one of them was not measured."""
        inner = [window.energy_j for window in self._inner]
        if self.energy_j is None or None in inner:
            return None
        return self.energy_j - sum(joules for joules in inner if joules is not None)

    @property
    def energy_per_output_token(self) -> float | None:
        """Joules per output token; None when not measured, or when no tokens were said."""
        if self.energy_j is None or not self.output_tokens:
            return None
        return self.energy_j / self.output_tokens

    def __enter__(self) -> Window:
        if self._started_s is not None:
            raise RuntimeError(f"window {self.name!r} was used before; call energy_meter.window(...) again")
        self.parent = _current.get()
        if self.parent is not None and not self.parent._is_open:
            self.parent = None
        self._meter._opening(self)
        try:
            self._measurement = self._meter._open_measurement()
        except _fault() as error:
            self._fault(f"the meter failed: {error}")
        _current.set(self)
        self._is_open = True
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

    def _close(self, end_s: float, error: BaseException | None) -> None:
        self._is_open = False
        _current.set(self.parent)
        self._meter._closing(self)
        measurement, self._measurement = self._measurement, None
        start_s = self._started_s or end_s
        self.duration_s = end_s - start_s
        if measurement is None:
            return
        try:
            reading = _believed(measurement.close(start_s, end_s), self._meter.name)
        except _fault() as fault:
            self._fault(f"the meter failed: {fault}")
            return
        finally:
            measurement.abandon()
        if error is not None:
            self._fault(f"{type(error).__name__} was raised inside: what was measured is a part of the work")
        else:
            self._take(reading)

    def _take(self, reading: Any) -> None:
        self.warnings.extend(reading.problems)
        if reading.energy_j is None:
            self.warnings.append(f"not measured: {reading.reason}")
            return
        self.valid = True
        self.energy_j, self.method = reading.energy_j, reading.method
        self.energy_per_device_j, self.uncertainty_j = reading.per_device_j, reading.uncertainty_j
        if reading.method == "estimated":
            self.warnings.append(f"an estimate by {self._meter.name}, not a measurement")
        if reading.method == "replayed":
            self.warnings.append("simulated: the joules are recorded ones")

    def _fault(self, why: str) -> None:
        self.valid, self.energy_j = False, None
        self.warnings.append(why)

    def _leave_open(self) -> None:
        """The test ended first: there is no end to measure to."""
        if self._is_open:
            self._is_open = False
            if self._measurement is not None:
                self._measurement.abandon()
            self._measurement = None
            self._fault("left open: the test ended before the window did")

    def as_plain(self) -> dict[str, Any]:
        """As the session report keeps it."""
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


class EnergyMeter:
    """What the `energy_meter` fixture gives: the machine's meter, and the windows of one test.

    Args:
        measuring: has the meter; asked when it is first needed.
        test: node id, whose recorded joules are taken.
        record: takes a property of the test.
    """

    def __init__(self, measuring: Callable[[], Measuring], test: str, record: Callable[[str, Any], None]) -> None:
        self._measuring, self._test, self._record = measuring, test, record
        self._metering: Any = None
        self._unavailable: str | None = None
        self._open: list[Window] = []
        self.windows: list[Window] = []

    @property
    def available(self) -> bool:
        """Whether there is a meter; what it gives may be an estimate, see a window's `method`."""
        return self._choice() is not None and self._metering.choice.name not in ("none", "null")

    @property
    def name(self) -> str:
        """Of the meter: nvml, zeus, codecarbon, replay, null, or none when there is none."""
        choice = self._choice()
        return "none" if choice is None else str(choice.name)

    @property
    def reason(self) -> str:
        """Why this meter was chosen, or why there is none: what every probe said."""
        choice = self._choice()
        return str(self._unavailable) if choice is None else str(choice.reason)

    def window(self, name: str = "default", output_tokens: int | None = None) -> Window:
        """A new window, to be used with `with` or `async with`.

        Args:
            name: told in reports; may be used again.
            output_tokens: generated inside, for joules per token; may be set on the window later.
        """
        return Window(self, name, output_tokens)

    def measure(self, fn: Callable[..., Any], *args: Any, repeats: int = 1, **kwargs: Any) -> tuple[Window, ...]:
        """Call a function in so many windows of its name, one after another.

        Raises:
            TypeError: not a function.
            ValueError: fewer than 1 repeat.
        """
        if not callable(fn):
            raise TypeError(
                f"measure calls a function, which {fn!r} is not; for a block: with energy_meter.window({fn!r})"
            )
        if repeats < 1:
            raise ValueError(f"repeats is {repeats}; it must be at least 1")
        windows = tuple(self.window(getattr(fn, "__name__", "default")) for _ in range(repeats))
        for window in windows:
            with window:
                fn(*args, **kwargs)
        return windows

    def record(self, key: str, value: Any) -> None:
        """Add a property of the test to the reports: plain text, a number or a bool; anything else becomes text."""
        self._record(key, plain(value))

    def finish(self) -> None:
        """The test is over: close what it left open, and tell what was measured."""
        for window in self._open:
            window._leave_open()
        self._open = []
        for window in self.windows:
            if window.energy_j is not None:
                self._record(f"llem.{window.name}.energy_j", plain(window.energy_j))
            if window.duration_s is not None:
                self._record(f"llem.{window.name}.duration_s", plain(window.duration_s))

    def _choice(self) -> Any:
        if self._metering is None and self._unavailable is None:
            try:
                self._metering = self._measuring().metering
            except _api().PreFlightError as error:
                self._unavailable = str(error)
        return None if self._metering is None else self._metering.choice

    def _open_measurement(self) -> Any:
        if self._choice() is None:
            raise _api().MeterError(str(self._unavailable))
        with self._measuring().taking_joules_of(self._test):
            return self._metering.meter.open_window()

    def _opening(self, window: Window) -> None:
        self.windows.append(window)
        if window.parent is not None and window.parent._meter is self:
            window.parent._inner.append(window)
        around = _ancestors(window)
        for other in self._open:
            if other not in around:
                other.warnings.append(f"overlaps window {window.name!r}: each holds the energy of both")
                window.warnings.append(f"overlaps window {other.name!r}: each holds the energy of both")
        self._open.append(window)

    def _closing(self, window: Window) -> None:
        if window in self._open:
            self._open.remove(window)


def meter_for(state: State, item: pytest.Item) -> EnergyMeter:
    """The meter of a test."""
    meter = EnergyMeter(
        lambda: state.measuring, item.nodeid, lambda key, value: item.user_properties.append((key, value))
    )
    state.record(item).meter = meter
    return meter


def _ancestors(window: Window) -> list[Window]:
    found: list[Window] = []
    parent = window.parent
    while parent is not None:
        found.append(parent)
        parent = parent.parent
    return found


def _api() -> Any:
    """The heavy side, when it is needed."""
    return import_module("llenergymeasure._plugin_api")


def _believed(reading: Any, meter: str) -> Any:
    return _api().check_reading(reading, meter)


def _fault() -> Any:
    return _api().MeterError
