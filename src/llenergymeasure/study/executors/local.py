"""The executor `local`: workers of this machine, each on its own GPUs; without GPUs, they share the CPU."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.core.devices import open_devices
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.launch.process import Process
from llenergymeasure.study.executors.executor import ExecutorContext, Status, worker_command
from llenergymeasure.study.executors.task import log_file, read_task

# A worker that gets a signal ends its run, its processes and its journal within this time; then it is killed.
GRACE_S = 25.0
POLL_S = 0.05

Start = Callable[[Sequence[str], Mapping[str, str], Path], Process]


@dataclass(frozen=True)
class Group:
    """A device group.

    Attributes:
        uuids: UUIDs of its GPUs; empty for a share of the CPU.
        gpus: names of its GPUs with UUIDs, as in the row of a run.
    """

    uuids: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment of a worker that sees these GPUs only."""
        return {**environ, "CUDA_VISIBLE_DEVICES": ",".join(self.uuids)} if self.uuids else dict(environ)


def create(context: ExecutorContext) -> LocalExecutor:
    """The executor on the GPUs that this process sees.

    Raises:
        ConfigError: there are too few GPUs, they are unlike, or an option is not known.
    """
    context.refuse_unknown_options(())
    gpus: Sequence[Gpu] = ()
    if context.gpus_per_run != 0:
        with open_devices(SystemClock(), context.environ) as devices:
            gpus = devices.gpus
            if not gpus and context.environ.get("CUDA_VISIBLE_DEVICES"):
                raise ConfigError(devices.no_gpu_reason, "name the GPUs by UUID in CUDA_VISIBLE_DEVICES, or unset it")
    groups = device_groups(gpus, context.parallel or 1, context.gpus_per_run, context.environ)
    if len(groups) > 1 and not groups[0].uuids:
        context.progress.note(
            f"{len(groups)} workers share the CPU of this machine: their times and energies include each other's work"
        )
    return LocalExecutor(groups, context.environ, context.interpreter)


def device_groups(
    gpus: Sequence[Gpu], parallel: int, per_run: int | None, environ: Mapping[str, str]
) -> tuple[Group, ...]:
    """Divide GPUs into groups.

    Args:
        gpus: the GPUs that this process sees; empty without one.
        parallel: number of groups.
        per_run: number of GPUs of a group; None = equal shares of all.
        environ: environment variables.

    Raises:
        ConfigError: there are too few GPUs, or they cannot be compared.
    """
    if not gpus:
        return (Group(),) * parallel
    size = max(1, len(gpus) // parallel) if per_run is None else per_run
    needed = size * parallel
    if needed > len(gpus):
        raise ConfigError(
            f"{parallel} cycles at the same time with {size} GPUs each need {needed} GPUs, and {len(gpus)} are visible",
            "lower --parallel or --gpus-per-run",
        )
    models = sorted({gpu.name for gpu in gpus[:needed]})
    if len(models) > 1:
        raise ConfigError(
            f"the GPUs of the study are unlike: {' and '.join(models)}",
            "run a study on each model, with CUDA_VISIBLE_DEVICES, and compare the studies with: llem compare",
        )
    if parallel > 1 and environ.get("CUDA_VISIBLE_DEVICES", "").startswith("MIG-"):
        raise ConfigError(
            "--parallel cannot divide MIG instances, which share the sensor of a GPU", "use whole GPUs, or --parallel 1"
        )
    return tuple(_group(gpus[first : first + size]) for first in range(0, needed, size))


def _group(gpus: Sequence[Gpu]) -> Group:
    return Group(tuple(gpu.uuid for gpu in gpus), tuple(f"{gpu.name} ({gpu.uuid})" for gpu in gpus))


def _started(command: Sequence[str], environ: Mapping[str, str], log: Path) -> Process:
    """Start a worker. It leads its own group, so that a Ctrl-C of the terminal reaches only this process."""
    with log.open("ab") as output:
        return subprocess.Popen(
            list(command),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@dataclass
class _Worker:
    """A worker that was started, with the number of its group while it uses it; `is_cancelled`: it got SIGTERM."""

    process: Process
    group: int | None
    is_cancelled: bool = False


class LocalExecutor:
    """Runs one worker at a time on each device group; the others wait.

    Args:
        groups: the device groups.
        environ: environment variables of the workers.
        interpreter: their Python interpreter.
        start: starts a process.
        grace_s: seconds between SIGTERM and SIGKILL.
    """

    name = "local"
    outlives = False

    def __init__(
        self,
        groups: Sequence[Group],
        environ: Mapping[str, str],
        interpreter: str,
        start: Start = _started,
        grace_s: float = GRACE_S,
    ) -> None:
        self._groups, self._environ, self._interpreter = tuple(groups), environ, interpreter
        self._start, self._grace_s = start, grace_s
        self._free = list(range(len(groups)))
        self._waiting: dict[str, tuple[Path, tuple[str, ...]]] = {}
        self._workers: dict[str, _Worker] = {}

    def submit(self, tasks: Sequence[Path]) -> list[str]:
        for path in tasks:
            self._waiting[str(path)] = path, read_task(path).gpus
        self._start_waiting()
        return [str(path) for path in tasks]

    def poll(self, handles: Sequence[str]) -> dict[str, Status]:
        for worker in self._workers.values():
            if worker.group is not None and worker.process.poll() is not None:
                self._free.append(worker.group)
                worker.group = None
        self._start_waiting()
        return {handle: self._status(handle) for handle in handles}

    def cancel(self, handles: Sequence[str]) -> None:
        for handle in handles:
            self._waiting.pop(handle, None)
            if handle in self._workers:
                self._terminate(self._workers[handle])

    def close(self) -> None:
        self.cancel([*self._waiting, *self._workers])
        end_s = time.monotonic() + self._grace_s
        for worker in self._workers.values():
            while worker.process.poll() is None and time.monotonic() < end_s:
                time.sleep(POLL_S)
            if worker.process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(worker.process.pid, signal.SIGKILL)
                worker.process.wait()

    def _status(self, handle: str) -> Status:
        if handle in self._waiting:
            return "waiting"
        worker = self._workers.get(handle)
        return "running" if worker is not None and worker.process.poll() is None else "ended"

    def _start_waiting(self) -> None:
        """Start a worker on each free group for which a task waits."""
        for group in sorted(self._free):
            handle = self._next(self._groups[group])
            if handle is not None:
                self._free.remove(group)
                path, _ = self._waiting.pop(handle)
                command = worker_command(self._interpreter, path, os.getpid())
                process = self._start(command, self._groups[group].environ(self._environ), log_file(path))
                self._workers[handle] = _Worker(process, group)

    def _next(self, group: Group) -> str | None:
        """The task that begins on a group: one whose cycle has runs on its GPUs, else one that has none on another group."""
        others = {each.gpus for each in self._groups} - {group.gpus}
        own = (handle for handle, (_, gpus) in self._waiting.items() if gpus and set(gpus) <= set(group.gpus))
        free = (
            handle for handle, (_, gpus) in self._waiting.items() if not any(set(gpus) <= set(each) for each in others if gpus)
        )  # fmt: skip
        return next(own, None) or next(free, None)

    def _terminate(self, worker: _Worker) -> None:
        if not worker.is_cancelled and worker.process.poll() is None:
            worker.is_cancelled = True
            with suppress(ProcessLookupError):
                os.kill(worker.process.pid, signal.SIGTERM)
