"""`llem --version`: versions of this package, of backends and of meters."""

from __future__ import annotations

from collections.abc import Mapping

from llenergymeasure._api.installed import backend_versions, meter_versions
from llenergymeasure._version import __version__


def lines() -> list[str]:
    """The version of this package, and the versions of installed backends and meters."""
    return [
        f"llenergymeasure {__version__}",
        f"backends: {_listed(backend_versions())}",
        f"meters: {_listed(meter_versions())}",
    ]


def _listed(parts: Mapping[str, Mapping[str, str]]) -> str:
    named = [f"{name} ({_packages(versions)})" for name, versions in parts.items()]
    return ", ".join(named) or "none installed"


def _packages(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
