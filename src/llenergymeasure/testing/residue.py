"""What a part leaves behind in its process: threads, child processes and memory."""

from __future__ import annotations

import gc
import mmap
import threading
import time
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 3.0


def children(threads: Path = Path("/proc/self/task")) -> set[int]:
    """Ids of the processes that this one started; empty outside Linux, where they are not listed."""
    found: set[int] = set()
    with suppress(OSError):
        for thread in threads.iterdir():
            with suppress(OSError):  # it has ended: Python's `join` returns a moment before that
                found.update(map(int, (thread / "children").read_text(encoding="ascii").split()))
    return found


def left_threads(before: set[threading.Thread]) -> set[threading.Thread]:
    """Threads that are new, after a few seconds in which they may end."""
    deadline_s = time.monotonic() + PATIENCE_S
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline_s:
        left.pop().join(timeout=0.1)
    return left


def own_mb(memory: Path = Path("/proc/self/statm")) -> float | None:
    """Memory of this process in MB, after a search for garbage; None outside Linux.

    Pages of files and shared memory are not counted: the kernel drops those of files, and reads them again, as other processes
    need memory.
    """
    gc.collect()
    try:
        _, resident, shared, *_ = memory.read_text(encoding="ascii").split()
    except OSError:
        return None
    return (int(resident) - int(shared)) * mmap.PAGESIZE / 1e6
