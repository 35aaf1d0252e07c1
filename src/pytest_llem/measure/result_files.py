"""The folder of a run, with the result of every repeat. A result that cannot be written is a problem of the run, not of a test."""

from __future__ import annotations

import hashlib
from collections import Counter
from functools import cached_property
from pathlib import Path

from llenergymeasure import ExperimentResult
from llenergymeasure._plugin_api import LLEMError, sanitise_name


class ResultFiles:
    """Writes the results of a run.

    Args:
        base: the folder for all runs.
        name: of the folder for this run.

    Attributes:
        problem: why files could not be written; None when all are written.
    """

    def __init__(self, base: Path, name: str) -> None:
        self._base, self._name = base, name
        self._written: Counter[str] = Counter()
        self.problem: str | None = None

    @cached_property
    def folder(self) -> Path:
        """The folder of this run. The first access makes it, with a `.gitignore` beside it.

        Raises:
            OSError: it cannot be made.
        """
        self._base.mkdir(parents=True, exist_ok=True)
        ignore = self._base / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
        return fresh_folder(self._base, self._name)

    def write(self, test: str, result: ExperimentResult) -> list[Path]:
        """Write one result of a test. Returns its path; nothing when it cannot be written."""
        try:
            path = result.to_json(self.folder / f"{file_name(test)}.{self._written[test] + 1}.json")
        except (OSError, LLEMError) as error:
            self.failed(error)
            return []
        self._written[test] += 1
        return [path]

    def failed(self, error: BaseException) -> None:
        """Note that a file of the run cannot be written."""
        self.problem = f"results cannot be written below {self._base}: {reason(error)}; use --llem-output-dir=DIR"


def file_name(test: str) -> str:
    """A readable name for the files of a test. Its hash keeps `a/b`, `a-b` and `a b` apart."""
    digest = hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{sanitise_name(test, 140)}-{digest}"


def reason(error: BaseException) -> str:
    """Why a file could not be written, in the words of the system."""
    system = error if isinstance(error, OSError) else error.__cause__
    return str(getattr(system, "strerror", None) or error)


def fresh_folder(base: Path, name: str) -> Path:
    """A new folder: `name`, or `name_1`, `name_2`, ... when it is taken.

    Raises:
        OSError: it cannot be made.
    """
    for number in range(10_000):
        folder = base / (f"{name}_{number}" if number else name)
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise OSError(f"{base} has too many folders called {name}; remove some")
