"""Text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TextIO

# ECMA-48, "select graphic rendition": bold, and off.
_BOLD, _OFF = "\x1b[1m", "\x1b[0m"


def emphasis_on(stream: TextIO, environ: Mapping[str, str]) -> Callable[[str], str]:
    """What marks a text: bold on a terminal; unchanged elsewhere, and with NO_COLOR (https://no-color.org)."""
    plain = not stream.isatty() or bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
    return str if plain else lambda text: f"{_BOLD}{text}{_OFF}"
