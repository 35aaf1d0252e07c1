"""Progress across processes: the child appends its steps to a file, the parent reads them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from llenergymeasure.progress import Progress

PROGRESS_FILE = "progress"


class ProgressFile:
    """A progress that appends one line per call. It is never called inside the measured window."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PROGRESS_FILE

    def step(self, text: str, seconds: float | None = None) -> None:
        self._write("step", text, seconds)

    def advance(self, seconds: float) -> None:
        self._write("advance", seconds)

    def note(self, text: str) -> None:
        self._write("note", text)

    def done(self) -> None:
        self._write("done")

    def _write(self, *call: Any) -> None:
        line = json.dumps(call) + "\n"
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:  # the folder may have been removed
            file.write(line)


class ProgressRelay:
    """Passes the steps in the file to another progress.

    Args:
        folder: where the file will be.
        progress: receives the steps.
    """

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._path, self._progress = folder / PROGRESS_FILE, progress
        self._read = 0

    def relay(self) -> None:
        """Pass on the complete lines that were written since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
        except OSError:
            return
        complete = new[: new.rfind(b"\n") + 1]
        self._read += len(complete)
        for line in complete.splitlines():
            name, *arguments = json.loads(line)
            getattr(self._progress, name)(*arguments)
