"""How a run tells what it is doing. The library only logs notes; the command line hands in a bar."""

from __future__ import annotations

import logging
from typing import Protocol


class Progress(Protocol):
    """Told of each step. Never called inside the measured window."""

    def step(self, text: str, seconds: float | None = None) -> None:
        """A step begins; `seconds` is its length when it is a wait of known length."""

    def advance(self, seconds: float) -> None:
        """So many seconds of the step's wait have passed."""

    def note(self, text: str) -> None:
        """Something the user should know now."""

    def done(self) -> None:
        """The last step ended."""


class Silent:
    """Says nothing."""

    def step(self, text: str, seconds: float | None = None) -> None:
        """Ignore."""

    def advance(self, seconds: float) -> None:
        """Ignore."""

    def note(self, text: str) -> None:
        """Ignore."""

    def done(self) -> None:
        """Ignore."""


class Logged(Silent):
    """Logs notes as warnings, which Python shows on stderr unless the application decides otherwise."""

    def note(self, text: str) -> None:
        logging.getLogger("llenergymeasure").warning(text)
