"""The last lines of what a process wrote, for messages, without secrets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from llenergymeasure.security import redact

MOST_LINES = 20
MOST_BYTES = 8000
BEFORE_A_CRASH = 5
# What Python's faulthandler writes first; a list of all loaded modules is its last line.
FATAL = "Fatal Python error"
# The last line of a traceback, which a log may put behind its own prefix in brackets.
_ERROR = re.compile(r"(?:^|[\])] )[\w.]*(?:Error|Exception): \S")


def last_lines(log: Path) -> tuple[str, ...]:
    """The last lines of a log file; none when it cannot be read."""
    try:
        return last_lines_in(log.read_bytes())
    except OSError:
        return ()


def last_lines_in(output: bytes) -> tuple[str, ...]:
    """The last lines of an output that are not empty, without secrets. Of a crash, its reason and the innermost calls."""
    crash = output.rfind(FATAL.encode())
    if crash < 0:
        return tuple(_lines_of(output[-MOST_BYTES:])[-MOST_LINES:])
    before = _lines_of(output[max(0, crash - MOST_BYTES) : crash])[-BEFORE_A_CRASH:]
    return tuple([*before, *_lines_of(output[crash : crash + MOST_BYTES])][:MOST_LINES])


def first_error_in(output: bytes) -> str | None:
    """The first line that names an error, such as a ValueError, without secrets. Of several processes, the first to fail."""
    lines = output.decode("utf-8", "replace").splitlines()
    found = next((line for line in lines if _ERROR.search(line)), None)
    return None if found is None else redact(found).strip()


def reason_in(lines: Sequence[str]) -> str:
    """What the lines say about the end: the reason of a crash, else the last line."""
    if not lines:
        return "nothing was written"
    return next((line for line in lines if line.startswith(FATAL)), lines[-1])


def _lines_of(output: bytes) -> list[str]:
    text = redact(output.decode("utf-8", "replace"))
    return [line.rstrip() for line in text.splitlines() if line.strip()]
