"""The versions of installed backends and meters, without importing them."""

from __future__ import annotations

from importlib import metadata

from llenergymeasure.config.extensions.backends import BackendEntry
from llenergymeasure.config.extensions.table import Table
from llenergymeasure.config.meters import METERS, MeterEntry
from llenergymeasure.core.backends.registry import BACKENDS
from llenergymeasure.exceptions import ConfigError

Versions = dict[str, str]


def backend_versions() -> dict[str, Versions]:
    """The installed inference backends, each with the versions of its packages."""
    return _installed(BACKENDS)


def meter_versions() -> dict[str, Versions]:
    """The installed energy meters with a package of their own, each with the versions of its packages."""
    return {name: versions for name, versions in _installed(METERS).items() if versions}


def _installed(table: Table[BackendEntry] | Table[MeterEntry]) -> dict[str, Versions]:
    entries = table.everything().items()
    found = {name: _versions(entry.distributions) for name, entry in entries if not isinstance(entry, ConfigError)}
    return {name: versions for name, versions in found.items() if versions is not None}


def _versions(packages: tuple[str, ...]) -> Versions | None:
    """Versions by package; None when one of them is not installed."""
    try:
        return {name: metadata.version(name) for name in packages}
    except metadata.PackageNotFoundError:
        return None
