"""Identifies machines: the hard identity selects a baseline file, the soft identity is only shown.

A power limit of 300 W instead of 400 W is another machine. Another driver is the same machine: an upgrade that costs energy
is a regression to detect.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Plain = str | int | float | bool | None

_SHOWN_PACKAGES = ("torch", "transformers")
_LONGEST_SLUG = 80


@dataclass(frozen=True)
class Fingerprint:
    """A machine.

    Attributes:
        hard: the values that must be equal for a comparison: GPUs, their limits, the meter; CPU model and count without a GPU.
        soft: the values whose changes are shown: driver, torch, transformers, Python.
    """

    hard: Mapping[str, Plain]
    soft: Mapping[str, Plain] = field(default_factory=dict)


def fingerprint_of(snapshot: Any, meter: str) -> Fingerprint:
    """The machine of an environment snapshot.

    Args:
        snapshot: an `EnvironmentSnapshot`, or any object with its attributes.
        meter: name of the meter in use; `none` without one.
    """
    cpu = {"cpu": snapshot.cpu_model, "cpu_count": snapshot.cpu_count_logical}
    packages = {name: snapshot.packages.get(name) for name in _SHOWN_PACKAGES}
    soft = {"driver": snapshot.driver_version, "python": snapshot.python, **packages}
    if not snapshot.gpus:
        return Fingerprint({**cpu, "meter": meter}, soft)
    return Fingerprint({**_gpu_facts(snapshot.gpus), "meter": meter}, {**soft, **cpu})


def _gpu_facts(gpus: Iterable[Any]) -> dict[str, Plain]:
    gpus = list(gpus)
    return {
        "gpu": _each(gpu.name for gpu in gpus),
        "gpu_count": len(gpus),
        "gpu_memory_gb": _each(_rounded(gpu.vram_mb, 1000) for gpu in gpus),
        "mig": _each(gpu.mig_enabled for gpu in gpus),
        "power_limit_w": _each(_rounded(gpu.power_limit_w, 1) for gpu in gpus),
    }


def _rounded(value: float | None, unit: float) -> int | None:
    return None if value is None else round(value / unit)


def _each(values: Iterable[Plain]) -> Plain:
    """One value when all are equal, else all values in the order of the GPUs."""
    found = list(values)
    return found[0] if all(value == found[0] for value in found) else " + ".join(map(str, found))


def class_name(hard: Mapping[str, Plain]) -> str:
    """File name of a hardware class without its ending: readable, with 8 hex digits that make it unique; at most 89 bytes."""
    gpus, cpus = hard.get("gpu"), hard.get("cpu")
    count = hard.get("gpu_count", 1) if gpus else hard.get("cpu_count", 1)
    words = f"{count}x {gpus}" if gpus else f"cpu {cpus} {count}"
    return f"{_slug(words)}-{identity(hard)}"


def identity(hard: Mapping[str, Plain]) -> str:
    """First 8 hex digits of the SHA-256 of the hard identity's canonical JSON."""
    canonical = json.dumps(dict(hard), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:8]


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST_SLUG].strip("-")
    return slug or "hardware"
