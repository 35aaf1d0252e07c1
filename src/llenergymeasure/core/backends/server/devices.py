"""The GPUs of a server: those that the configuration names, or those that the processes of a running server use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.processes.listening import NotFoundError, processes_at
from llenergymeasure.core.backends.server.processes.programs import LOADED_LATER
from llenergymeasure.core.backends.server.processes.tree import ServerProcesses
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
    config: ExperimentConfig, door: GpuDoor, find: Callable[[ExperimentConfig], ServerProcesses | None] | None = None
) -> Sequence[Gpu] | None:
    """The GPUs to measure; None = all visible ones, empty = the server uses none.

    Args:
        config: the experiment.
        door: NVML.
        find: returns the processes of the server, by the ids that the driver reports, or None where they are not known; by
            default those behind its port.

    Raises:
        ConfigError: the configuration names a GPU that this machine does not have.
    """
    numbers = config.server_settings.gpus
    if numbers is not None:
        return [_numbered(number, door) for number in numbers]
    processes = (find or _known_to_driver)(config)
    if processes is None:
        return None
    own = set(processes.pids())
    used = [gpu for gpu in door.gpus if own & set(door.processes(gpu) or ())]
    return used or (() if own and _is_on_cpu(processes, door) else None)


def _is_on_cpu(processes: ServerProcesses, door: GpuDoor) -> bool:
    """Whether a server of which no process is on a GPU computes on the CPU.

    Not where another program computes on a GPU: the processes behind the port may be a gateway in front of it.
    """
    later = LOADED_LATER.intersection(processes.names())
    return not later and all(door.computing(gpu) == () and not door.info(gpu).mig_enabled for gpu in door.gpus)


def own_processes(config: ExperimentConfig) -> Iterable[int]:
    """The processes whose use of a GPU belongs to the experiment: the children of this process, and those of the server."""
    running = _running(config)
    return {*descendants(), *(() if running is None else running.pids())}


def _known_to_driver(config: ExperimentConfig) -> ServerProcesses | None:
    """None in most containers: the driver has other process ids."""
    return _running(config) if numbers_are_the_host_s() else None


def _running(config: ExperimentConfig) -> ServerProcesses | None:
    """The processes of a server that was running already; those of a launched one are children of this process."""
    url = config.server_settings.url
    if url is not None:
        with suppress(NotFoundError):
            return processes_at(url)
    return None


def _numbered(number: int, door: GpuDoor) -> Gpu:
    for gpu in door.gpus:
        if gpu.index == number:
            return gpu
    count = len(door.gpus)
    raise ConfigError(
        f"server.gpus names GPU {number}, but this machine has {count} GPU{'s' * (count != 1)}",
        "use the numbers that nvidia-smi -L lists",
    )
