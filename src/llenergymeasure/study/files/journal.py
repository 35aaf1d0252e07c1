"""The journal of a study: one line per change of a run's state. A line costs the same in a long and in a short journal.

Only one process writes at a time. A line that was cut off by the end of its process is removed by the next writer.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError
from typing_extensions import Self

from llenergymeasure._files import explained
from llenergymeasure._json import read_bytes, read_json, with_checksum, without_checksum
from llenergymeasure.domain.base import Frozen, json_of
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.exceptions import ConfigError

BLOCK_BYTES = 4096


class Journal:
    """Appends to a journal. It is locked until it is closed, or its process has ended.

    Args:
        path: the file; created when missing.

    Raises:
        ConfigError: another process writes it, or the path cannot be written.
        LLEMError: the disk is full, or the system failed otherwise.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with explained(path):
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                self._lock()
                _remove_torn_line(self._file)
            except BaseException:
                os.close(self._file)
                raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another process is running the study in {self._path.parent}", "wait until it has ended, or stop it"
            ) from None

    def append(self, row: Frozen) -> None:
        """Write the new state of a run, or another record; it is on the disk when this returns.

        Raises:
            LLEMError: the journal cannot be written; the run must not begin, or its result is not recorded.
        """
        line = with_checksum(json_of(row, exclude_defaults=True)) + b"\n"
        end = os.fstat(self._file).st_size
        with explained(self._path):
            try:
                while line:  # when the disk becomes full, a part of the line is written before the error
                    line = line[os.write(self._file, line) :]
                os.fsync(self._file)
            except BaseException:
                os.ftruncate(self._file, end)
                raise

    def close(self) -> None:
        """Release the journal."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _remove_torn_line(file: int) -> None:
    """Cut off a last line that does not end."""
    end = size = os.fstat(file).st_size
    while end > 0:
        start = max(0, end - BLOCK_BYTES)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)


def read_journal(path: Path) -> dict[int, RunRow]:
    """The last state of each run, by its place. A torn last line is left out.

    Raises:
        ConfigError: the file cannot be read, or another line is damaged, as its checksum shows.
    """
    last: dict[int, tuple[int, dict[str, Any]]] = {}
    for number, data in read_lines(path):
        try:
            last[data["place"]] = number, data
        except (TypeError, KeyError):
            raise _damaged(path, number) from None
    return {place: _row(path, *found) for place, found in last.items()}


def read_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The number of each line, from 1, and its data. A torn last line is left out.

    Raises:
        ConfigError: the file cannot be read, or another line is damaged, as its checksum shows.
    """
    for number, line in _lines(path):
        try:
            data = read_json(without_checksum(line))
        except ValueError:
            raise _damaged(path, number) from None
        yield number, data


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        *lines, _torn = read_bytes(path).split(b"\n")
    except OSError as error:
        raise ConfigError(f"cannot read {path} ({error.strerror})", "make it readable, and try again") from error
    except ValueError as error:
        raise ConfigError(
            f"{path} is damaged: {error}", "remove it: results in the folder of the study are kept"
        ) from error
    return enumerate(lines, 1)


def _row(path: Path, number: int, data: dict[str, Any]) -> RunRow:
    try:
        return RunRow.model_validate(data)
    except ValidationError:
        raise _damaged(path, number) from None


def _damaged(path: Path, number: int) -> ConfigError:
    return ConfigError(
        f"{path}, line {number} is damaged",
        "restore the file from a copy, or remove this line: stored results are kept, and other runs are repeated",
    )
