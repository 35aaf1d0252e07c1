"""The `energy_meter` fixture: the energy of any code, in windows that may be nested, repeated and concurrent.

```
outer -------------------------------      energy_j of outer includes the inner windows
   inner ------   inner ------             exclusive_j of outer = its energy_j - energy_j of both inner windows
```

Windows of two tasks or threads that overlap without nesting include each other's energy and get a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import pytest

from pytest_llem.measure.measuring import Measuring
from pytest_llem.measure.window import Window
from pytest_llem.measure.windows import Counted, Windows
from pytest_llem.plain_values import plain


class Gates(Protocol):
    """Makes the gated windows of a test."""

    def window(
        self, windows: Windows, name: str, output_tokens: int | None, gate: Mapping[str, object], repeats: int | None
    ) -> Window:
        """A window under a gate."""


class EnergyMeter:
    """The value of the `energy_meter` fixture: the machine's meter, and the windows of one test.

    Args:
        measuring: returns the owner of the meter; called when the meter is first needed.
        item: the test; it selects the hooks, and the recorded joules of a replay.
        record: called with each property of the test.
        gates: the gated windows of the test.
    """

    def __init__(
        self, measuring: Callable[[], Measuring], item: pytest.Item, record: Callable[[str, Any], None], gates: Gates
    ) -> None:
        self._windows, self._record, self._gates = Windows(measuring, item), record, gates

    @property
    def windows(self) -> list[Window]:
        """Every window of the test, in the order of opening."""
        return self._windows.all

    @property
    def available(self) -> bool:
        """Whether there is a meter. Its values may be estimates: see `method` of a window."""
        return self.name not in ("none", "null")

    @property
    def name(self) -> str:
        """Name of the meter as in `energy.backend`; replay for recorded joules, none without a meter."""
        return self._windows.meter_name

    @property
    def reason(self) -> str:
        """Why this meter was chosen, or why each meter is unavailable."""
        choice = self._windows.choice
        return self._windows.why_none if choice is None else str(choice.reason)

    def window(
        self,
        name: str = "default",
        output_tokens: int | None = None,
        *,
        gate: Mapping[str, object] | None = None,
        repeats: int | None = None,
    ) -> Window:
        """A new window, for `with` or `async with`; with `repeats`, a loop over it gives one window after the other.

        Args:
            name: shown in reports; several windows may have the same name.
            output_tokens: number of tokens generated inside, for joules per token; may also be set on the window later.
            gate: limits by metric, such as `{"energy_j": "5%"}` against the baseline, or `{"energy_j": 40}` in its unit. They
                are judged at the end of the test, with `--llem` only.
            repeats: number of windows of a loop: 1, with a gate that of the run (`--llem-repeats`). Without `--llem` a loop
                over a gated window runs once.
        """
        if gate is not None:
            return self._gates.window(self._windows, name, output_tokens, gate, repeats)
        return Window(
            self._windows, name, output_tokens, Counted(self._windows, output_tokens, 1 if repeats is None else repeats)
        )

    def measure(self, fn: Callable[..., Any], *args: Any, repeats: int = 1, **kwargs: Any) -> tuple[Window, ...]:
        """Call a function several times, each time in a window with its name.

        Raises:
            TypeError: `fn` is not callable.
            ValueError: `repeats` is below 1.
        """
        if not callable(fn):
            raise TypeError(
                f"energy_meter.measure needs a function, not {fn!r}; to measure a block: with energy_meter.window({fn!r})"
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

    def forget(self) -> None:
        """Forget the windows of an attempt that does not count."""
        self._windows.forget()

    def finish(self) -> None:
        """The test has ended: close open windows and record the measured values."""
        self._windows.finish()
        for window in self.windows:
            if window.energy_j is not None:
                self._record(f"llem.{window.name}.energy_j", plain(window.energy_j))
            if window.duration_s is not None:
                self._record(f"llem.{window.name}.duration_s", plain(window.duration_s))
