"""Records the processes on the GPUs and when they were seen."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from llenergymeasure.core.machine.process_tree import descendants
from llenergymeasure.core.nvml.gpu import Gpu

# linux/proc_ns.h, PROC_PID_INIT_INO: the namespace whose process ids the driver reports.
HOST_NAMESPACE = "pid:[4026531836]"


def numbers_are_the_host_s(link: Path = Path("/proc/self/ns/pid")) -> bool:
    """Whether the driver and this process use the same process ids; in most containers they do not."""
    try:
        return str(link.readlink()) == HOST_NAMESPACE
    except OSError:
        return True


class GpuProcesses:
    """The first and last time at which each process was seen on each GPU.

    Args:
        own: ids of the processes that belong to the experiment.
        same_numbers: whether the driver reports the same process ids that this process sees. Where it does not, one
            process per GPU may belong to the experiment and is not counted.
        started: returns the processes that this process has started, and theirs. They belong to the experiment too: an engine
            with several devices has the model in them.
    """

    def __init__(
        self,
        own: Iterable[int] | None = None,
        same_numbers: bool | None = None,
        started: Callable[[], Iterable[int]] = descendants,
    ) -> None:
        self._own = set({os.getpid()} if own is None else own)
        self._started = started
        self._same_numbers = numbers_are_the_host_s() if same_numbers is None else same_numbers
        self._seen: dict[tuple[int, int], tuple[float, float]] = {}

    def add(self, time_s: float, gpu: Gpu, pids: Collection[int]) -> None:
        """Add the processes that the driver reported at a time."""
        new = [pid for pid in pids if pid not in self._own and (gpu.index, pid) not in self._seen]
        if new and self._same_numbers:
            self._own.update(self._started())  # now: a process that has ended has no parent
        for pid in pids:
            first_s, _ = self._seen.get((gpu.index, pid), (time_s, time_s))
            self._seen[gpu.index, pid] = (first_s, time_s)

    def foreign(self, start_s: float, end_s: float) -> tuple[str, ...]:
        """`GPU 0 pid 7` for each foreign process that was present in the window."""
        by_gpu: dict[int, list[int]] = {}
        for (index, pid), (first_s, last_s) in sorted(self._seen.items()):
            if first_s <= end_s and last_s >= start_s:
                by_gpu.setdefault(index, []).append(pid)
        return tuple(f"GPU {index} pid {pid}" for index, pids in by_gpu.items() for pid in self._others(pids))

    def _others(self, pids: list[int]) -> list[int]:
        others = [pid for pid in pids if pid not in self._own]
        return others if self._same_numbers or len(others) < len(pids) else others[1:]
