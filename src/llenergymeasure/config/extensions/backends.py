"""What is known about a backend without importing it, and what a configuration may request of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from llenergymeasure.config.extensions.table import BACKEND_GROUP, Table
from llenergymeasure.config.ssot import DECODING_SUPPORT, LORA_SUPPORT, PRECISION_SUPPORT, DecodingStrategy, Precision


@dataclass(frozen=True)
class BackendEntry:
    """One backend of the registry, or of another package by an entry point.

    Attributes:
        needs: modules that must be importable.
        distributions: their package-index names, for their versions.
        install: the command that installs the backend.
        factory: `module:attribute` that takes `Instruments`; None when this release cannot measure with the backend.
        devices: module that implements `BackendDevices`; None without one.
        process_group: `module:attribute` that takes the number of a GPU, or None for the CPU, and joins this process to
            the process group; None when the backend does not run several processes in parallel.
        findings: `module:attribute` that checks the needs of single settings, see `setting_findings`; None without one.
        preload: `module:attribute` that imports what every run needs, for a process that is forked per run: it uses no
            device and starts no thread. None without one; each run then imports its library itself.
        instead: what to do where `factory` is None; empty = choose another backend.
        precisions, decoding, lora: what a configuration may request of a backend of another package; `ssot` has that of the
            built-in ones.
        own_models: whether only the backend understands `model`, so that it is not looked for on this machine or on the hub.
    """

    needs: tuple[str, ...]
    distributions: tuple[str, ...]
    install: str
    factory: str | None = None
    devices: str | None = None
    process_group: str | None = None
    findings: str | None = None
    preload: str | None = None
    instead: str = ""
    precisions: tuple[str, ...] = get_args(Precision)
    decoding: tuple[str, ...] = get_args(DecodingStrategy)
    lora: bool = False
    own_models: bool = False


INSTALLED_BACKENDS: Table[BackendEntry] = Table({}, BACKEND_GROUP, BackendEntry, "backend")


def precisions_of(backend: str) -> tuple[str, ...]:
    """The precisions that a backend supports."""
    return PRECISION_SUPPORT[backend] if backend in PRECISION_SUPPORT else INSTALLED_BACKENDS[backend].precisions


def decoding_of(backend: str) -> tuple[str, ...]:
    """The decoding strategies that a backend supports."""
    return DECODING_SUPPORT[backend] if backend in DECODING_SUPPORT else INSTALLED_BACKENDS[backend].decoding


def takes_lora(backend: str) -> bool:
    """Whether a backend supports LoRA adapters."""
    return backend in LORA_SUPPORT or (backend not in PRECISION_SUPPORT and INSTALLED_BACKENDS[backend].lora)
