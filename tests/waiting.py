"""Waiting for what other processes do, and measuring times, for as long as a busy machine needs."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

TRIES = 3
Found = TypeVar("Found")
NO_PROCESS = 2**22 + 1  # above every process id of Linux: that of a process which has ended may be given to a new one


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether a condition became true in time. A file or process that is gone when it reads it makes it false."""
    end_s = time.monotonic() + seconds
    while True:
        with suppress(FileNotFoundError, ProcessLookupError):  # it was listed, and was renamed or has ended since
            if condition():  # it is asked once at a time: what was true may be over a moment later
                return True
        if time.monotonic() >= end_s:
            return False
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    """The processes that the first thread of a process has started."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    """Whether a process has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def tried(
    measure: Callable[[], Found],
    holds: Callable[[Found], bool],
    is_busy: Callable[[Sequence[float]], bool] | None = None,
) -> Found:
    """Measure real times until they are as they should be: a stall of the machine spoils one try, a fault of a program all.

    If all are spoilt, the test is skipped where the machine was busy during one, which is judged by how late a thread woke in it.
    """
    spoilt, latenesses_s = [], []
    for _ in range(TRIES):
        with lateness() as late_s:
            found = measure()
        if holds(found):
            return found
        spoilt.append(found)
        latenesses_s.append(late_s)
    if is_busy is not None and any(map(is_busy, latenesses_s)):
        late = [f"{statistics.median(late_s):.6f} ({p99(late_s):.6f} at p99)" for late_s in latenesses_s]
        pytest.skip(f"this machine is too busy: a thread that only sleeps wakes late by, in s, {', '.join(late)}")
    pytest.fail(f"not once in {TRIES} tries: {spoilt}")


@contextmanager
def lateness() -> Iterator[list[float]]:
    """How late a thread wakes that only sleeps, in s: what a busy machine does to every program."""
    late_s: list[float] = []
    done = threading.Event()

    def sleep() -> None:
        while not done.is_set():
            due_s = time.perf_counter() + 0.01
            time.sleep(0.01)
            late_s.append(time.perf_counter() - due_s)

    thread = threading.Thread(target=sleep)
    thread.start()
    try:
        yield late_s
    finally:
        done.set()
        thread.join()


def p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]
