"""Reports the progress of a run. The library only logs notes; the command line passes a progress bar."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives each step of a run. It is never called inside the measured window."""

    def step(self, text: str, seconds: float | None = None) -> None:
        """A step begins; `seconds` is its duration if it is a wait of known duration."""

    def advance(self, seconds: float) -> None:
        """This number of seconds of the step's wait has passed."""

    def note(self, text: str) -> None:
        """A note for the user."""

    def done(self) -> None:
        """The last step ended."""


class Silent:
    """Reports nothing."""

    def step(self, text: str, seconds: float | None = None) -> None:
        """Ignore."""

    def advance(self, seconds: float) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""

    def done(self) -> None:
        """Ignore."""


class NotesOnce:
    """Passes everything on to another progress, and a note only when it is new.

    Args:
        progress: receives it.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._noted: set[str] = set()
        self.step, self.advance, self.done = progress.step, progress.advance, progress.done

    def note(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self._progress.note(text)


class Logged(Silent):
    """Logs notes as warnings, which Python shows on stderr unless the application decides otherwise."""

    def note(self, text: str) -> None:
        import logging  # noqa: PLC0415 - a dry run does not need it

        logging.getLogger("llenergymeasure").warning(text)
