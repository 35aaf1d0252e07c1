"""Ends the processes of vLLM when the process that measures was killed: they would wait for it for ever.

It runs as a program of its own, with the standard library alone: `python guard.py PID MARK`, started by the process PID. It notes
the descendants of PID until it gets SIGUSR1. After the end of PID it kills those that are left, and every process that has MARK,
a variable `NAME=VALUE`, in the environment that it was started with. So it also finds one that was started after its last look,
but not one that was forked without a new program. The processes of vLLM lose their environment when they set their title, some
seconds after their start.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

PERIOD_S = 0.2
LOOKING_S = 0.05
# A process that was just being started has its environment a moment later, and may start another one.
LOOKS, LOOK_S = 10, 0.1
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


def marked(mark: str, proc: Path = PROC) -> Iterator[int]:
    """Every process with a variable `NAME=VALUE` in its environment."""
    for environment in proc.glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or belongs to another user
            if os.fsencode(mark) in environment.read_bytes().split(b"\0"):
                yield int(environment.parent.name)


def watch(pid: int, mark: str) -> None:
    """Wait for the end of the process that started this one, and kill what it has started."""
    asked_to_stop: list[int] = []
    looking = True
    known: dict[int, str | None] = {}
    signal.signal(signal.SIGUSR1, lambda number, _frame: asked_to_stop.append(number))
    sys.stdout.write("watching\n")
    sys.stdout.flush()
    while os.getppid() == pid:
        if looking:
            looking = not asked_to_stop  # it looks once more
            known.update((child, started(child)) for child in descendants(pid) if child != os.getpid())
        time.sleep(LOOKING_S if looking else PERIOD_S)
    for _ in range(LOOKS):
        running = [child for child, start in known.items() if start is not None and started(child) == start]
        _kill({*running, *(late for child in running for late in descendants(child))})
        _kill(marked(mark))
        time.sleep(LOOK_S)


def _kill(processes: Iterable[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    watch(int(sys.argv[1]), sys.argv[2])
