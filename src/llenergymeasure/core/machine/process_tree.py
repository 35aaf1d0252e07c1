"""The processes that a process has started and that still run, their CPU time and memory. Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")
# Columns after the name of the process, see proc(5): user and system time of it, and of its finished children, in ticks.
_TIMES = slice(11, 15)


def running_children_cpu_s(proc: Path = PROC, pid: int | None = None) -> float:
    """User and system time in s of all running descendants and of their finished children; 0 where it is not listed."""
    return cpu_s_of(descendants(proc, pid), proc)


def cpu_s_of(pids: Iterable[int], proc: Path = PROC) -> float:
    """User and system time in s of these processes and of their finished children; 0 where it is not listed."""
    ticks = sum(_ticks(proc / f"{pid}" / "stat") for pid in pids)
    return ticks / ticks_per_second() if ticks else 0.0


def memory_bytes_of(pids: Iterable[int], proc: Path = PROC) -> int:
    """Resident memory of these processes in bytes; pages that several share are counted for each of them."""
    pages = sum(int((_text(proc / f"{pid}" / "statm").split() or ["0"] * 2)[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE")


def ticks_per_second() -> int:
    """Unit of the CPU time in /proc."""
    return os.sysconf("SC_CLK_TCK")


def descendants(proc: Path = PROC, pid: int | None = None) -> Iterator[int]:
    """Running processes that a process, or one of these, has started; none where they are not listed."""
    for listed in _lists_of_children(proc, pid or os.getpid()):
        for child in map(int, _text(listed).split()):
            yield child
            yield from descendants(proc, child)


def _lists_of_children(proc: Path, pid: int) -> list[Path]:
    """A list for each thread of a process; none when it ends meanwhile."""
    try:
        return list(proc.glob(f"{pid}/task/*/children"))
    except OSError:
        return []


def _ticks(stat: Path) -> int:
    """Of a process that has ended meanwhile 0: its time is then that of a finished child."""
    return sum(map(int, _text(stat).rpartition(")")[2].split()[_TIMES]))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
