"""Heartbeats of child processes, as the parent sees them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from llenergymeasure.results.ranks.files import stem

# A process writes a heartbeat every second; one that was stopped, or hangs in the driver, does not.
SILENT_S = 20.0
# A decision: the parent looks ten times a second. A longer time between two looks counts as this long: the machine may have been
# stopped, and the processes with it.
LONGEST_GAP_S = 2.0


def alive_file(folder: Path, rank: int) -> Path:
    """The file with the id of a process, which the process touches every second."""
    return folder / f"{stem(rank)}.alive"


class Heartbeats:
    """Finds processes without a recent heartbeat.

    It notes when the modification time of a heartbeat file was last seen to change. That time is compared only with itself,
    because the wall clock may be set while processes run.

    Args:
        folder: the folder with the heartbeat files.
        count: the number of processes.
        now: monotonic seconds.
    """

    def __init__(self, folder: Path, count: int, now: Callable[[], float] = time.monotonic) -> None:
        self._files = {rank: alive_file(folder, rank) for rank in range(count)}
        self._now = now
        self._heard: dict[int, tuple[int, float]] = {}
        self._silent: tuple[int, ...] = ()
        self._looked_s = now()

    def pids(self) -> Iterator[int]:
        """Ids of the processes that have written a heartbeat."""
        for path in self._files.values():
            try:
                yield int(path.read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue

    def silent(self) -> tuple[int, ...]:
        """Ranks whose heartbeat stopped for `SILENT_S` seconds; the first finding is kept, also after they have ended.

        The time in which the machine was stopped does not count.
        """
        now_s = self._now()
        stopped_s = max(0.0, now_s - self._looked_s - LONGEST_GAP_S)
        self._looked_s = now_s
        self._heard = {rank: (touched, since_s + stopped_s) for rank, (touched, since_s) in self._heard.items()}
        for rank, path in self._files.items():
            touched = _touched(path)
            if touched is not None and self._heard.get(rank, (None,))[0] != touched:
                self._heard[rank] = (touched, now_s)
        since = {rank: since_s for rank, (_, since_s) in self._heard.items()}
        self._silent = self._silent or tuple(rank for rank, since_s in since.items() if now_s - since_s > SILENT_S)
        return self._silent


def _touched(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
