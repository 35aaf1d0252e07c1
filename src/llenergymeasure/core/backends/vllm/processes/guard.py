"""Ends the processes of vLLM when the process that measures was killed: they would wait for it for ever.

It runs as a program of its own, with the standard library alone: `python guard.py PID`, started by the process PID. It notes
the descendants of PID until it gets SIGUSR1, and kills those that are left after the end of PID.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PERIOD_S = 0.2
# A process that is killed sooner after the start of another leaves it behind, which waits for five minutes.
LOOKING_S = 0.05
PROC = Path("/proc")
# Column after the name of a process, see proc(5): its start, which a later process with the same number does not share.
_START = 19


def descendants(pid: int, proc: Path = PROC) -> Iterator[int]:
    """Every process that a process has started, and that runs."""
    for listed in _lists_of_children(proc, pid):
        for child in map(int, _text(listed).split()):
            yield child
            yield from descendants(child, proc)


def _lists_of_children(proc: Path, pid: int) -> list[Path]:
    """A list for each thread of a process; none when it ends meanwhile."""
    try:
        return list(proc.glob(f"{pid}/task/*/children"))
    except OSError:
        return []


def started(pid: int) -> str | None:
    """When a process was started; None when it has ended."""
    fields = _text(PROC / f"{pid}" / "stat").rpartition(")")[2].split()
    return fields[_START] if fields else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def watch(pid: int) -> None:
    """Wait for the end of the process that started this one, and kill what it has started."""
    looking = [True]
    known: dict[int, str | None] = {}

    def look() -> None:
        known.update((child, started(child)) for child in descendants(pid) if child != os.getpid())

    def look_once_more(_number: int, _frame: object) -> None:
        look()
        looking.clear()

    signal.signal(signal.SIGUSR1, look_once_more)
    sys.stdout.write("watching\n")
    sys.stdout.flush()
    while os.getppid() == pid:
        if looking:
            look()
        time.sleep(LOOKING_S if looking else PERIOD_S)
    running = [child for child, start in known.items() if start is not None and started(child) == start]
    for process in {*running, *(late for child in running for late in descendants(child))}:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    watch(int(sys.argv[1]))
