"""The processes of a server, with their CPU time and memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from llenergymeasure.core.machine.process_tree import PROC, cpu_s_of, descendants, memory_bytes_of

MEGABYTE = 1e6


class ServerProcesses:
    """Processes with everything that they have started.

    Args:
        roots: returns the first processes of the server, those that run now.
        also_roots: whether these belong to the server themselves; the guard of a launched server does not.
        proc: where Linux lists processes.
    """

    def __init__(self, roots: Callable[[], Iterable[int]], also_roots: bool = True, proc: Path = PROC) -> None:
        self._roots, self._also_roots, self._proc = roots, also_roots, proc

    def pids(self) -> tuple[int, ...]:
        """Those that run now, each once."""
        found: dict[int, None] = {}
        for root in self._roots():
            found.update(dict.fromkeys([root] if self._also_roots else []))
            found.update(dict.fromkeys(descendants(self._proc, root)))
        return tuple(found)

    def names(self) -> list[str]:
        """The names of their programs."""
        return names_of(self.pids(), self._proc)

    def cpu_seconds(self) -> float:
        """User and system time that they, and those of them that have ended, have used so far."""
        return cpu_s_of(self.pids(), self._proc)

    def memory_mb(self) -> float:
        """Their resident memory in MB; pages that several of them share are counted for each."""
        return memory_bytes_of(self.pids(), self._proc) / MEGABYTE


def names_of(pids: Iterable[int], proc: Path = PROC) -> list[str]:
    """The names of the programs of some processes; of one that has ended, none."""
    return [name for pid in pids if (name := _name(proc / f"{pid}" / "comm"))]


def _name(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def group_leader(pid: int, own_group: int | None = None, proc: Path = PROC) -> int:
    """The process that leads the group of a process, such as the launcher of a server with several processes.

    A group that is also ours may hold anything, for example when a script has started the server and this program: then it is
    the process itself.
    """
    own = os.getpgrp() if own_group is None else own_group
    try:
        leader = os.getpgid(pid)
    except ProcessLookupError:
        return pid
    return pid if leader in (own, 0) or not (proc / f"{leader}").exists() else leader
