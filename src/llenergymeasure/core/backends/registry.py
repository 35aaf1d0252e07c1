"""The inference backends, as strings: imported when chosen, looked up without importing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from llenergymeasure.core.gc_control import importing_heavy
from llenergymeasure.exceptions import BackendError

if TYPE_CHECKING:
    from llenergymeasure.core.backends.protocol import InferenceBackend
    from llenergymeasure.core.harness import Instruments


@dataclass(frozen=True)
class BackendEntry:
    """How a backend is found, chosen and installed.

    Attributes:
        needs: modules that must be importable.
        distributions: what they are called at the package index, for their versions.
        factory: `module:attribute` that takes `Instruments`; None when this release cannot measure with it.
        install: the command that installs it.
    """

    needs: tuple[str, ...]
    distributions: tuple[str, ...]
    factory: str | None
    install: str


BACKENDS: Mapping[str, BackendEntry] = {
    "pytorch": BackendEntry(
        ("torch", "transformers"),
        ("torch", "transformers"),
        "llenergymeasure.core.backends.pytorch.backend:PyTorchBackend",
        'pip install "llenergymeasure[pytorch]"',
    ),
    "vllm": BackendEntry(("vllm",), ("vllm",), None, 'pip install "llenergymeasure[vllm]"'),
    "tensorrt": BackendEntry(("tensorrt_llm",), ("tensorrt-llm",), None, 'pip install "llenergymeasure[tensorrt]"'),
}


def importable(module: str) -> bool:
    """Whether a module is installed, without importing it. Never raises."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def installed_backends(has: Callable[[str], bool] = importable) -> tuple[str, ...]:
    """Names of the backends whose libraries are installed, pytorch first."""
    return tuple(name for name, entry in BACKENDS.items() if all(map(has, entry.needs)))


def create_backend(name: str, instruments: Instruments) -> InferenceBackend:
    """Import a backend and hand it its instruments.

    Raises:
        BackendError: this release cannot measure with the backend.
    """
    path = BACKENDS[name].factory
    if path is None:
        raise BackendError(f"this release measures backend pytorch, not {name}; set backend: pytorch")
    name, _, attribute = path.partition(":")
    with importing_heavy():
        module = import_module(name)
    backend: InferenceBackend = getattr(module, attribute)(instruments)
    return backend
