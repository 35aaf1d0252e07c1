"""What is installed, without importing it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata

from llenergymeasure.config.meters import METERS
from llenergymeasure.core.backends.registry import BACKENDS


def version_lines(own: str) -> list[str]:
    """`llem --version`."""
    return [
        f"llenergymeasure {own}",
        f"backends: {_listed({name: entry.distributions for name, entry in BACKENDS.items()})}",
        f"meters: {_listed({name: entry.distributions for name, entry in METERS.items()})}",
    ]


def _listed(parts: Mapping[str, tuple[str, ...]]) -> str:
    found = {name: _versions(packages) for name, packages in parts.items()}
    named = [f"{name} ({versions})" for name, versions in found.items() if versions]
    return ", ".join(named) or "none installed"


def _versions(packages: tuple[str, ...]) -> str | None:
    """`torch 2.13.0, transformers 5.23.0`; None when one of them is missing."""
    try:
        return ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    except metadata.PackageNotFoundError:
        return None
