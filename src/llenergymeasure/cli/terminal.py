"""Text for a terminal: the only module of the command line that writes what may contain a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
        self._bold = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self._emphasised: set[str] = set()

    def emphasise(self, line: str) -> str:
        """Show a line in bold on a terminal. Returns it unchanged."""
        self._emphasised.add(line)
        return line

    def say(self, text: str, *, flush: bool = False) -> None:
        """Write a text, and end the line."""
        print("\n".join(map(self._shown, text.split("\n"))), file=self._stream, flush=flush)

    def _shown(self, line: str) -> str:
        shown = printable(line)
        return f"{_BOLD}{shown}{_OFF}" if self._bold and line in self._emphasised else shown
