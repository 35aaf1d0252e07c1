"""Where the results of a study go: a folder, or memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from llenergymeasure._files import complete_directory, explained, write_atomic
from llenergymeasure.domain.files.study import (
    GIVEN_FILE,
    JOURNAL_FILE,
    LOG_FILE,
    RESOLVED_FILE,
    RUNS_FOLDER,
    run_folder,
    write_result,
)
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.exceptions import ConfigError, LLEMError
from llenergymeasure.study.files.journal import Journal
from llenergymeasure.study.files.manifest import Manifest, write_manifest

RESERVE_FILE = ".reserve"
# Space that is kept free for the result of the run in progress; a result with its time series takes some 0.1 MB.
RESERVE_BYTES = 8_000_000


class RunStore(Protocol):
    """Takes the states and results of runs."""

    def prepare(self, run_id: str) -> Path | None:
        """Make room for the result of a run. Returns the file for the output of its process; None without one.

        Raises:
            LLEMError: its result could not be stored; it must not begin.
        """

    def record(self, row: RunRow) -> None:
        """A run has a new state.

        Raises:
            LLEMError: it could not be recorded.
        """

    def keep(self, run_id: str, result: ExperimentResult) -> str | None:
        """Store a result. Returns its path relative to the study's folder; None without one.

        Raises:
            LLEMError: it could not be stored.
        """


@dataclass
class Memory:
    """Keeps results in memory, by run id."""

    results: dict[str, ExperimentResult] = field(default_factory=dict)

    def prepare(self, run_id: str) -> Path | None:
        return None

    def record(self, row: RunRow) -> None:
        """Do nothing: the table of rows is in memory."""

    def keep(self, run_id: str, result: ExperimentResult) -> str | None:
        self.results[run_id] = result
        return None


class StudyFolder:
    """The folder of a running study. Open it with `opened_folder`.

    Args:
        path: the folder.
        journal: its journal.
        reserve_bytes: space that is kept free for one result.
        writer: name of the process that makes runs, where several share the folder.
    """

    def __init__(self, path: Path, journal: Journal, reserve_bytes: int = RESERVE_BYTES, writer: str = "") -> None:
        self.path, self._journal, self._reserve_bytes = path, journal, reserve_bytes
        self._reserve = path / f"{RESERVE_FILE}{writer}"

    def prepare(self, run_id: str) -> Path | None:
        place = run_folder(self.path, run_id)
        with _stored(), explained(place):
            place.mkdir(exist_ok=True)
        with _stored(), explained(self._reserve):
            self._reserve_space()
        return place / LOG_FILE

    def _reserve_space(self) -> None:
        file = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.posix_fallocate(file, 0, self._reserve_bytes)
        finally:
            os.close(file)

    def record(self, row: RunRow) -> None:
        with _stored():
            self._journal.append(row)

    def keep(self, run_id: str, result: ExperimentResult) -> str | None:
        self.release()
        with _stored():
            return write_result(result, self.path, run_id)

    def release(self) -> None:
        """Give the reserved space back."""
        with suppress(OSError):
            self._reserve.unlink()


def remove_reserve(folder: Path, writer: str) -> None:
    """Give the space back that a process reserved, which was killed."""
    with suppress(OSError):
        (folder / f"{RESERVE_FILE}{writer}").unlink()


@contextmanager
def _stored() -> Iterator[None]:
    """Inside a running study a folder that cannot be written is a failure, and no wrong option."""
    try:
        yield
    except ConfigError as error:
        raise LLEMError(str(error)) from error


@contextmanager
def opened_folder(path: Path) -> Iterator[StudyFolder]:
    """The folder of a study, with its journal locked for this process.

    Raises:
        ConfigError: another process runs this study, or the folder cannot be written.
    """
    with Journal(path / JOURNAL_FILE) as journal:
        folder = StudyFolder(path, journal)
        try:
            yield folder
        finally:
            folder.release()


@dataclass(frozen=True)
class Configuration:
    """The configuration of a study as texts.

    Attributes:
        given: as given.
        resolved: with every cell, as JSON.
    """

    given: str
    resolved: str


def create_folder(base: Path, manifest: Manifest, configuration: Configuration) -> Path:
    """Write a new folder with configuration and run table; it appears with both. Returns its path.

    Args:
        base: directory of the results.
        manifest: the run table; its `study_id` is the name of the folder, to which `_1` is added if it exists.
        configuration: the configuration.

    Raises:
        LLEMError: the directory cannot be written (ConfigError) or the disk is full.
    """
    with complete_directory(base, manifest.study_id) as folder:
        write_atomic(folder.path / GIVEN_FILE, configuration.given)
        write_atomic(folder.path / RESOLVED_FILE, configuration.resolved)
        write_manifest(manifest, folder.path)
        write_atomic(folder.path / JOURNAL_FILE, b"")
        (folder.path / RUNS_FOLDER).mkdir()
    return folder.final
