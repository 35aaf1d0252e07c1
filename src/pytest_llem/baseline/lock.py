"""Locks a folder of baselines, so that of two runs that update it neither loses what the other writes.

The lock is a file that is removed on release. A process that was killed leaves the file, but not the lock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_llem.baseline.parse import BaselineError

try:
    import fcntl
except ImportError:  # Windows: updates are atomic, but two at the same time are not merged
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"
# An update takes milliseconds; a process that holds the lock longer has stopped.
LONGEST_WAIT_S = 60.0
_BETWEEN_TRIES_S = 0.02


@contextmanager
def locked(folder: Path, longest_wait_s: float = LONGEST_WAIT_S) -> Iterator[None]:
    """Hold the lock of a folder; the folder is created when it is missing.

    Raises:
        BaselineError: the folder cannot be written to, or another process holds the lock for too long.
    """
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _acquired(path, time.monotonic() + longest_wait_s)
    except TimeoutError as error:
        raise BaselineError(folder, f"another run has held {NAME} for {longest_wait_s:g} s; end it") from error
    except OSError as error:
        raise BaselineError(folder, f"cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(lock)


def _acquired(path: Path, deadline_s: float) -> int:
    """The open file of the lock. Whoever had it before has removed that file: then a new one is needed."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        if _is_locked(lock) and _is_at(path, lock):
            return lock
        os.close(lock)
        if time.monotonic() > deadline_s:
            raise TimeoutError
        time.sleep(_BETWEEN_TRIES_S)


def _is_locked(lock: int) -> bool:
    if fcntl is not None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _is_at(path: Path, lock: int) -> bool:
    """Whether the path still names this open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False
