"""Opens the GPUs that an experiment uses, for meters, sampler and snapshot.

```
 NVML on . sampler on . == meters, baseline, windows == . sampler off . NVML off
```

No other module opens or shuts down NVML, or starts or stops the sampler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from llenergymeasure.config.meters import POWERCAP
from llenergymeasure.core.nvml.cuda_visible_devices import visible_gpus
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.core.sampling.gpu_processes import GpuProcesses, numbers_are_the_host_s
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.exceptions import ConfigError, MeterError
from llenergymeasure.protocols import Clock


@dataclass(frozen=True)
class MeterContext:
    """The GPUs that an experiment uses, with NVML and the sampler.

    Attributes:
        clock: the clock of the measurement.
        door: NVML; None without a GPU. It is open, and `gpus` is empty, where a server uses no GPU yet.
        gpus: the GPUs to measure; empty without one.
        sampler: samples these GPUs; None without a GPU.
        no_gpu_reason: why there is no GPU.
        no_gpu_fix: what to do where a meter needs one.
        powercap: where Linux shows the energy counters of CPUs.
    """

    clock: Clock
    door: GpuDoor | None = None
    gpus: tuple[Gpu, ...] = ()
    sampler: GpuSampler | None = None
    no_gpu_reason: str = "no NVIDIA GPU"
    no_gpu_fix: str = "use a machine whose GPU is listed by: nvidia-smi"
    powercap: Path = POWERCAP


@dataclass(frozen=True)
class ServerGpus:
    """The GPUs of a server, which may run outside this process and its children.

    Attributes:
        measured: returns the GPUs to measure; None = all visible ones, empty = the server uses none.
        own_processes: returns the processes whose use of a GPU belongs to the experiment.
    """

    measured: Callable[[GpuDoor], Sequence[Gpu] | None]
    own_processes: Callable[[], Iterable[int]]


@contextmanager
def open_devices(
    clock: Clock,
    environ: Mapping[str, str],
    how_many: int | None = None,
    ask_cuda: Callable[[], Sequence[str]] | None = None,
    open_door: Callable[[], GpuDoor] = GpuDoor,
    first: int = 0,
    sampling: bool = False,
    powercap: Path = POWERCAP,
    server: ServerGpus | None = None,
) -> Iterator[MeterContext]:
    """Open NVML and `how_many` visible GPUs from `first` on; without a GPU the context has a reason.

    Args:
        clock: the clock of the measurement.
        environ: environment variables.
        how_many: number of GPUs used; None = all visible ones, 0 = none.
        ask_cuda: returns the UUIDs of CUDA's devices in CUDA's order.
        open_door: opens NVML.
        first: number of the first GPU used, among the visible ones.
        sampling: whether the sampler runs while the devices are open.
        powercap: where Linux shows the energy counters of CPUs.
        server: the GPUs of a server; None = the experiment runs in this process and its children.

    Raises:
        ConfigError: the configuration names a GPU of the server that this machine does not have.
    """
    bare = MeterContext(clock, powercap=powercap)
    if how_many == 0:
        yield replace(bare, no_gpu_reason="the experiment uses no GPU")
        return
    with _nvml(open_door) as door:
        if isinstance(door, MeterError):
            context = _without_nvml(bare, door, how_many, server)
        else:
            context = _with_gpus(bare, door, partial(_visible, door, environ, ask_cuda, first, how_many), server)
        with _running(context.sampler if sampling else None):
            yield context


@contextmanager
def _nvml(open_door: Callable[[], GpuDoor]) -> Iterator[GpuDoor | MeterError]:
    """NVML, open inside the block; where it cannot be opened, the error."""
    try:
        door = open_door()
    except MeterError as error:
        yield error
        return
    try:
        yield door
    finally:
        door.close()


def _without_nvml(
    bare: MeterContext, error: MeterError, how_many: int | None, server: ServerGpus | None
) -> MeterContext:
    if server is not None and how_many is not None:
        problem = f"server.gpus names {how_many} GPU{'s' * (how_many != 1)}, but no GPU of this machine can be measured"
        raise ConfigError(f"{problem}: {error}", "remove server.gpus, or install the NVIDIA driver") from error
    return replace(bare, no_gpu_reason=f"NVML: {error}")


def _visible(
    door: GpuDoor,
    environ: Mapping[str, str],
    ask_cuda: Callable[[], Sequence[str]] | None,
    first: int,
    how_many: int | None,
) -> Sequence[Gpu]:
    """The visible GPUs that are used."""
    gpus = visible_gpus(door.gpus, environ, ask_cuda, door.mig_parent)
    return gpus[first : None if how_many is None else first + how_many]


@contextmanager
def _running(sampler: GpuSampler | None) -> Iterator[None]:
    if sampler is None:
        yield
        return
    sampler.start()
    try:
        yield
    finally:
        sampler.stop()


def _with_gpus(
    bare: MeterContext, door: GpuDoor, visible: Callable[[], Sequence[Gpu]], server: ServerGpus | None
) -> MeterContext:
    """The context with the GPUs of the server, else with the visible ones; the reason where there is none."""
    measured = None if server is None else server.measured(door)
    if measured is not None and not measured:  # NVML stays open: the server may use a GPU later
        fix = "load the model first, or name the GPUs in server.gpus"
        return replace(bare, door=door, no_gpu_reason="no process of the server uses a GPU", no_gpu_fix=fix)
    try:
        gpus = tuple(visible() if measured is None else measured)
    except ConfigError as error:
        return replace(bare, no_gpu_reason=str(error))
    if not gpus:
        return replace(bare, no_gpu_reason="CUDA_VISIBLE_DEVICES hides every GPU")
    processes = GpuProcesses() if server is None else GpuProcesses(started=server.own_processes)
    sampler = GpuSampler(door, gpus, bare.clock, gpu_processes=processes)
    return replace(bare, door=door, gpus=gpus, sampler=sampler)


def gpu_infos(context: MeterContext) -> tuple[GpuInfo, ...]:
    """The driver's description of each GPU."""
    return () if context.door is None else tuple(context.door.info(gpu) for gpu in context.gpus)


def gpu_processes(
    context: MeterContext, same_ids: Callable[[], bool] = numbers_are_the_host_s
) -> dict[str, tuple[int, ...] | None]:
    """The processes on each GPU of this machine, by UUID; no GPU without NVML, and None where they are not known.

    Args:
        context: the open devices.
        same_ids: whether the driver reports the process ids that this process sees.
    """
    door = context.door
    if door is None:
        return {}
    known = same_ids()
    return {gpu.uuid: _processes_on(gpu, door) if known else None for gpu in door.gpus}


def _processes_on(gpu: Gpu, door: GpuDoor) -> tuple[int, ...] | None:
    """None also where the list is empty and the GPU has MIG instances, whose processes not every user may see."""
    found = door.processes(gpu)
    return None if not found and door.info(gpu).mig_enabled else found


def driver_version(context: MeterContext) -> str | None:
    """Version of the NVIDIA driver; None without one."""
    return None if context.door is None else context.door.driver_version()
