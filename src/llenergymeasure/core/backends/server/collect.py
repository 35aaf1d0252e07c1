"""The block `server` of a result."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from llenergymeasure.core.backends.server.client.engines import UNKNOWN
from llenergymeasure.core.backends.server.engine import ServerEngine
from llenergymeasure.core.backends.server.loaded import LoadedServer
from llenergymeasure.core.machine.process_tree import descendants
from llenergymeasure.domain.traffic.result import ServerResult
from llenergymeasure.protocols import InferenceEngine, Window


class ServerCollector:
    """CPU seconds of the server's processes in the window, their memory at its end, and their GPUs.

    Args:
        gpu_processes: returns the processes on each GPU of this machine, by UUID, or None where they are not known.
        children: returns the processes that this process has started, and theirs.
    """

    block = "server"

    def __init__(
        self,
        gpu_processes: Callable[[], Mapping[str, Sequence[int] | None]],
        children: Callable[[], Iterable[int]] = descendants,
    ) -> None:
        self._gpu_processes, self._children = gpu_processes, children
        self._before_s: float | None = None
        self._after_s: float | None = None
        self._memory_mb: float | None = None

    def arm(self, engine: InferenceEngine) -> None:
        """Read the CPU time of the server."""
        processes = _server_of(engine).processes
        self._before_s = None if processes is None else processes.cpu_seconds()

    def stop(self, engine: InferenceEngine) -> None:
        """Read it again, and the memory."""
        processes = _server_of(engine).processes
        if processes is None:
            self._after_s = self._memory_mb = None
        else:
            self._after_s, self._memory_mb = processes.cpu_seconds(), processes.memory_mb()

    def collect(self, window: Window) -> ServerResult:
        server = _server_of(window.engine)
        own = set(() if server.processes is None else server.processes.pids())
        before_s, after_s = self._before_s, self._after_s
        return ServerResult(
            url=server.url,
            engine=None if server.engine == UNKNOWN else server.engine,
            version=server.version,
            version_reason=server.version_reason,
            served_model=server.served_model,
            launched=server.was_launched,
            child=not own.isdisjoint([os.getpid(), *self._children()]),
            command=server.command,
            start_seconds=server.start_seconds,
            cpu_seconds=None if before_s is None or after_s is None else max(0.0, after_s - before_s),
            memory_mb=self._memory_mb,
            gpus=tuple(uuid for uuid, pids in self._gpu_processes().items() if own & set(pids or ())),
            reason=server.processes_reason,
        )


def _server_of(engine: InferenceEngine) -> LoadedServer:
    if not isinstance(engine, ServerEngine):
        raise TypeError(f"{type(engine).__name__} is not a ServerEngine")
    return engine.server
