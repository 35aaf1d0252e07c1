"""Text for a terminal: the only module of the command line that writes what may contain a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from shutil import get_terminal_size
from typing import TextIO

from llenergymeasure._format import printable

# ECMA-48, "select graphic rendition": bold, and off.
_BOLD, _OFF = "\x1b[1m", "\x1b[0m"


class Screen:
    """Writes text for people and for programs. Control characters, such as in the name of a model, are shown escaped.

    Args:
        stream: where to write.
        environ: environment variables; NO_COLOR switches emphasis off (https://no-color.org).
    """

    def __init__(self, stream: TextIO, environ: Mapping[str, str] = os.environ) -> None:
        self._stream = stream
        self.width = get_terminal_size().columns if stream.isatty() else None
        """Characters in a line; None when it is no terminal."""
        self._bold = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._emphasised: dict[str, str] = {}

    def emphasise(self, text: str) -> str:
        """The text in bold on a terminal, for a text that this screen says; else unchanged."""
        if not self._bold:
            return text
        bold = f"{_BOLD}{text}{_OFF}"
        self._emphasised[printable(bold)] = f"{_BOLD}{printable(text)}{_OFF}"
        return bold

    def say(self, text: str, *, flush: bool = False) -> None:
        """Write a text, and end the line."""
        shown = printable(text)
        for escaped, bold in self._emphasised.items():
            shown = shown.replace(escaped, bold)
        print(shown, file=self._stream, flush=flush)
