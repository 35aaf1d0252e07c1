"""The host during the window: CPU time of this process and of others, steal time and load."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.core.machine.process_tree import running_children_cpu_s, ticks_per_second
from llenergymeasure.domain.measurements import HostResult
from llenergymeasure.domain.traffic.result import ServerResult
from llenergymeasure.protocols import InferenceEngine, Window

# Columns of the first line of /proc/stat, see proc(5).
_IDLE, _IOWAIT, _STEAL = 3, 4, 7


@dataclass(frozen=True)
class CpuTicks:
    """CPU time of the whole machine since boot, in ticks."""

    total: int
    idle: int
    steal: int


def read_cpu_ticks(path: Path = Path("/proc/stat")) -> CpuTicks | None:
    """Read the machine's CPU time; None where there is no /proc/stat."""
    try:
        fields = path.read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
    except OSError:
        return None
    ticks = [int(field) for field in fields]
    return CpuTicks(total=sum(ticks), idle=ticks[_IDLE] + ticks[_IOWAIT], steal=ticks[_STEAL])


class HostCollector:
    """CPU seconds of this process, and the CPU load of the whole machine.

    Args:
        read_ticks: reads the machine's CPU time.
        environ: environment variables.
        instrument_cpu: CPU seconds that the sampler has used so far; None without one.
        children_cpu: CPU seconds of running child processes, which are not used by others.
    """

    block = "host"

    def __init__(
        self,
        read_ticks: Callable[[], CpuTicks | None] = read_cpu_ticks,
        environ: Mapping[str, str] = os.environ,
        instrument_cpu: Callable[[], float | None] = lambda: None,
        children_cpu: Callable[[], float] = running_children_cpu_s,
    ) -> None:
        self._read_ticks = read_ticks
        self._environ = environ
        self._instrument_cpu = instrument_cpu
        self._children_cpu = children_cpu
        self._children_s = 0.0, 0.0
        self._instrument_s: tuple[float | None, float | None] = None, None
        self._before: CpuTicks | None = None
        self._after: CpuTicks | None = None

    def arm(self, engine: InferenceEngine) -> None:
        """Read the CPU time of the machine, of child processes and of the instruments."""
        self._children_s = self._children_cpu(), 0.0
        self._before = self._read_ticks()
        self._instrument_s = self._instrument_cpu(), None

    def stop(self, engine: InferenceEngine) -> None:
        """Read them again."""
        self._after = self._read_ticks()
        self._children_s = self._children_s[0], self._children_cpu()
        self._instrument_s = self._instrument_s[0], self._instrument_cpu()

    def collect(self, window: Window) -> HostResult:
        own_s = window.cpu_seconds + self._children_s[1] - self._children_s[0]
        steal, other, other_s = self._of_the_machine(own_s)
        return HostResult(
            cpu_seconds=own_s,
            instrument_cpu_seconds=self._instrument_seconds(),
            load_average_1m=_load_average(),
            cpu_steal_share=steal,
            other_cpu_share=other,
            other_cpu_seconds=other_s,
            threads=window.engine.host_threads(),
            omp_num_threads=self._environ.get("OMP_NUM_THREADS"),
        )

    def _instrument_seconds(self) -> float | None:
        before_s, after_s = self._instrument_s
        return None if before_s is None or after_s is None else after_s - before_s

    def _of_the_machine(self, own_s: float) -> tuple[float | None, float | None, float | None]:
        """Share of all CPU time that was stolen, share that other processes used, and their time in s."""
        before, after = self._before, self._after
        if before is None or after is None or after.total == before.total:
            return None, None, None
        total = after.total - before.total
        steal = after.steal - before.steal
        busy = total - (after.idle - before.idle) - steal
        other = min(max(busy - own_s * ticks_per_second(), 0), total)
        return steal / total, other / total, other / ticks_per_second()


def with_server(host: HostResult, server: ServerResult | None) -> HostResult:
    """The host with the CPU time of a server as a part of the experiment, not of other processes.

    The time of children of this process is already counted.
    """
    if server is None or server.child or not server.cpu_seconds:
        return host
    own_s, other_s = host.cpu_seconds + server.cpu_seconds, host.other_cpu_seconds
    if not other_s or host.other_cpu_share is None:
        return host.model_copy(update={"cpu_seconds": own_s})
    left_s = max(other_s - server.cpu_seconds, 0.0)
    share = host.other_cpu_share * left_s / other_s
    return host.model_copy(update={"cpu_seconds": own_s, "other_cpu_seconds": left_s, "other_cpu_share": share})


def _load_average() -> float | None:
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None
