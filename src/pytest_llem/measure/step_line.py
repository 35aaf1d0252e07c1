"""The current step of a measurement on the terminal, behind what pytest has printed. It is removed when the step ends.

A measurement may take minutes between two outputs of pytest. Without a terminal, with `-q` and in a worker of xdist, nothing
is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TextIO

import pytest

from llenergymeasure._format import printable
from llenergymeasure._plugin_api import Progress, Silent

# Save the cursor, do not wrap; remove what is behind the text, wrap again, return to the saved place (ECMA-48, DEC private modes).
_BEFORE, _AFTER, _REMOVE = "\x1b7\x1b[?7l", "\x1b[K\x1b[?7h\x1b8", "\x1b[K"


class StepLine(Silent):
    """Shows the current step; a wait of known length with its seconds.

    Args:
        stream: the terminal, while nothing is captured.
        uncaptured: opens a context in which pytest does not capture output.
    """

    def __init__(self, stream: Callable[[], TextIO], uncaptured: Callable[[], AbstractContextManager[None]]) -> None:
        self._stream, self._uncaptured = stream, uncaptured
        self._text, self._waited_s, self._seconds = "", 0.0, 0.0

    def step(self, text: str, seconds: float | None = None) -> None:
        self._text, self._waited_s, self._seconds = printable(text), 0.0, seconds or 0.0
        self._show()

    def advance(self, seconds: float) -> None:
        before, self._waited_s = self._waited_s, self._waited_s + seconds
        if int(before) != int(self._waited_s):
            self._show()

    def done(self) -> None:
        self._write(_REMOVE)

    def _show(self) -> None:
        wait = f" {self._waited_s:.0f}/{self._seconds:.0f} s" if self._seconds else ""
        self._write(f"{_BEFORE} {self._text}{wait}{_AFTER}")

    def _write(self, text: str) -> None:
        with self._uncaptured():
            stream = self._stream()
            stream.write(text)
            stream.flush()


def steps_of(config: pytest.Config) -> Progress:
    """The display of steps for a pytest run: a line on a terminal, or nothing."""
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is None or config.option.verbose < 0 or hasattr(config, "workerinput"):
        return Silent()
    uncaptured: Callable[[], AbstractContextManager[None]] = capture.global_and_fixture_disabled
    with uncaptured():
        shown = sys.stderr.isatty() and sys.stdout.isatty()
    return StepLine(lambda: sys.stderr, uncaptured) if shown else Silent()
