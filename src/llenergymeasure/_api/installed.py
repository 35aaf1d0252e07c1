"""The versions of installed backends and meters, without importing them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata

from llenergymeasure.config.meters import METERS
from llenergymeasure.core.backends.registry import BACKENDS

Versions = dict[str, str]


def backend_versions() -> dict[str, Versions]:
    """The installed inference backends, each with the versions of its packages."""
    return _installed({name: entry.distributions for name, entry in BACKENDS.items()})


def meter_versions() -> dict[str, Versions]:
    """The installed energy meters, each with the versions of its packages."""
    return _installed({name: entry.distributions for name, entry in METERS.items()})


def _installed(parts: Mapping[str, tuple[str, ...]]) -> dict[str, Versions]:
    found = {name: _versions(packages) for name, packages in parts.items()}
    return {name: versions for name, versions in found.items() if versions is not None}


def _versions(packages: tuple[str, ...]) -> Versions | None:
    """Versions by package; None when one of them is not installed."""
    try:
        return {name: metadata.version(name) for name in packages}
    except metadata.PackageNotFoundError:
        return None
