"""The GPUs of a server: those that the configuration names, or those that the processes of a running server use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.processes.listening import NotFoundError, processes_at
from llenergymeasure.core.machine.process_tree import descendants
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.core.sampling.gpu_processes import numbers_are_the_host_s
from llenergymeasure.exceptions import ConfigError


def is_available() -> bool:
    """False: this backend itself uses no CUDA."""
    return False


def device_count() -> int:
    """0: this backend itself uses no CUDA."""
    return 0


def uuids() -> list[str]:
    """None: this backend itself uses no CUDA."""
    return []


def gpus_used(config: ExperimentConfig) -> int | None:
    """Number of GPUs that are measured: 0 for a server elsewhere, None when `measured_gpus` finds them."""
    return config.server_settings.gpu_count


def measured_gpus(
    config: ExperimentConfig, door: GpuDoor, pids: Callable[[], Iterable[int]] | None = None
) -> Sequence[Gpu] | None:
    """The GPUs to measure; None = all visible ones.

    Args:
        config: the experiment.
        door: NVML.
        pids: returns the processes of the server, by the ids that the driver reports; by default those behind its port.

    Raises:
        ConfigError: the configuration names a GPU that this machine does not have.
    """
    numbers = config.server_settings.gpus
    if numbers is not None:
        return [_numbered(number, door) for number in numbers]
    own = set(pids() if pids is not None else _processes_on_gpus(config))
    return [gpu for gpu in door.gpus if own & set(door.processes(gpu) or ())] or None


def own_processes(config: ExperimentConfig) -> Iterable[int]:
    """The processes whose use of a GPU belongs to the experiment: the children of this process, and those of the server."""
    return {*descendants(), *_processes_of(config)}


def _processes_on_gpus(config: ExperimentConfig) -> Iterable[int]:
    """None in most containers: the driver has other process ids."""
    return _processes_of(config) if numbers_are_the_host_s() else ()


def _processes_of(config: ExperimentConfig) -> Iterable[int]:
    """The processes of a server that was running already; those of a launched one are children of this process."""
    url = config.server_settings.url
    if url is not None:
        with suppress(NotFoundError):
            return processes_at(url).pids()
    return ()


def _numbered(number: int, door: GpuDoor) -> Gpu:
    for gpu in door.gpus:
        if gpu.index == number:
            return gpu
    count = len(door.gpus)
    raise ConfigError(
        f"server.gpus names GPU {number}, but this machine has {count} GPU{'s' * (count != 1)}",
        "use the numbers that nvidia-smi -L lists",
    )
