"""Whether processes are still there, as seen by whoever waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from llenergymeasure.results.ranks.files import stem

# A process writes every second that it is there; one that was stopped or is stuck in the driver does not.
SILENT_S = 20.0


def alive_file(folder: Path, rank: int) -> Path:
    """What a process writes anew every second: its number."""
    return folder / f"{stem(rank)}.alive"


class Heartbeats:
    """When each process was last heard of: since when a file that it writes every second looks as it does.

    The file's time is only compared with itself: the wall clock may be set while processes run.

    Args:
        folder: where the files are.
        count: how many processes there are.
        now: monotonic seconds.
    """

    def __init__(self, folder: Path, count: int, now: Callable[[], float] = time.monotonic) -> None:
        self._files = {rank: alive_file(folder, rank) for rank in range(count)}
        self._now = now
        self._heard: dict[int, tuple[int, float]] = {}
        self._silent: tuple[int, ...] = ()

    def pids(self) -> Iterator[int]:
        """Numbers of the processes that were heard."""
        for path in self._files.values():
            try:
                yield int(path.read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue

    def silent(self) -> tuple[int, ...]:
        """Ranks that were heard once, and then not for too long; remembered, for when they are gone."""
        now_s = self._now()
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
