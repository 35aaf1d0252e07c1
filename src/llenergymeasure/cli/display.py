"""Progress on stderr while a run goes on, only on a terminal. The only module that imports tqdm."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from tqdm import tqdm

from llenergymeasure._format import printable
from llenergymeasure.progress import Progress, Silent


class TerminalProgress:
    """One line per step; a bar for waits of known length."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: Any = None

    def step(self, text: str, seconds: float | None = None) -> None:
        self.done()
        if seconds is None:
            self._stream.write(f"{printable(text)} ...\n")
            self._stream.flush()
        else:
            self._bar = tqdm(
                total=seconds,
                desc=printable(text),
                file=self._stream,
                leave=True,
                bar_format="{desc} {bar:20} {n:.0f}/{total:.0f} s",
            )

    def advance(self, seconds: float) -> None:
        if self._bar is not None:
            self._bar.update(seconds)

    def note(self, text: str) -> None:
        self._stream.write(f"note: {printable(text)}\n")

    def done(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class NotesOnly(Silent):
    """Without a terminal: notes for the user, and no progress."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def note(self, text: str) -> None:
        self._stream.write(f"note: {printable(text)}\n")


def progress_for(quiet: bool, stream: TextIO | None = None) -> Progress:
    """The progress display for stderr: none, on a terminal, or notes only."""
    stream = stream or sys.stderr
    if quiet:
        return Silent()
    return TerminalProgress(stream) if stream.isatty() else NotesOnly(stream)
