"""Describes this machine by probing it: GPUs, backends, meters and settings. It writes nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure._api.elsewhere import Elsewhere, elsewhere
from llenergymeasure.config.extensions.backends import BackendEntry
from llenergymeasure.config.meters import METERS, OFF_BY_USER, POWERCAP
from llenergymeasure.config.user_config import load_user_config, resolve_measurement, user_config_path
from llenergymeasure.core.backends.registry import BACKENDS, installed_backends
from llenergymeasure.core.devices import MeterContext, driver_version, gpu_infos, open_devices
from llenergymeasure.core.energy.select import AVAILABLE, allowed, meter_states, why
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.machine.environment import installed_packages, take_snapshot
from llenergymeasure.domain.environment import EnvironmentSnapshot, GpuInfo
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.models.builtin import BUILTIN_MODELS, PACKAGED_MODELS, installation_of

__all__ = ["Backend", "Elsewhere", "GpuInfo", "Machine", "Meters", "Settings", "describe_machine", "installed_packages"]


@dataclass(frozen=True)
class Backend:
    """An inference backend.

    Attributes:
        name: its name.
        installed: whether its libraries are installed.
        measured: whether this release can measure with it.
        install: the command that installs it.
        instead: what to do where this release cannot measure with it.
        problem: why the package that offers it cannot be used; empty when it can.
        elsewhere: the environment in which it runs; None = that of this process.
    """

    name: str
    installed: bool
    measured: bool
    install: str
    instead: str = ""
    problem: str = ""
    elsewhere: Elsewhere | None = None


@dataclass(frozen=True)
class Meters:
    """The energy meters.

    Attributes:
        states: by name, `available` or why not.
        chosen: the meter that `energy.backend: auto` would use; None when it would use none.
        reason: why this meter or no meter would be used.
        commands: by name, the command that makes a meter available, where one is known.
    """

    states: Mapping[str, str]
    chosen: str | None
    reason: str
    commands: Mapping[str, str]


@dataclass(frozen=True)
class Settings:
    """Settings from the user config and the environment.

    Attributes:
        file: the user config; None when there is no home directory.
        exists: whether the file exists.
        results_dir: where results go.
        carbon_intensity_gco2_kwh: gCO2 per kWh; None when it is not set.
        datacenter_pue: power usage effectiveness.
    """

    file: Path | None
    exists: bool
    results_dir: str
    carbon_intensity_gco2_kwh: float | None
    datacenter_pue: float


@dataclass(frozen=True)
class Machine:
    """This machine.

    Attributes:
        python: version of Python.
        cpu: name of the CPU, number of its hardware threads, and size of the memory; without what is not known.
        models: by name of a built-in model, `available`, or that it is not installed, with the command for it.
        gpus: the GPUs that this process may use.
        no_gpu_reason: why there is no GPU; empty with a GPU.
        driver: version of the NVIDIA driver; None when not known.
        backends: every inference backend, installed or not.
        meters: every energy meter.
        settings: the user's settings, or the error in them.
    """

    python: str
    cpu: str
    models: Mapping[str, str]
    gpus: tuple[GpuInfo, ...]
    no_gpu_reason: str
    driver: str | None
    backends: tuple[Backend, ...]
    meters: Meters
    settings: Settings | ConfigError


def describe_machine(powercap: Path = POWERCAP) -> Machine:
    """Probe GPUs, backends, meters and settings.

    Args:
        powercap: where Linux shows the energy counters of CPUs.
    """
    with open_devices(SystemClock(), os.environ, powercap=powercap) as devices:
        return Machine(
            python=platform.python_version(),
            cpu=_cpu(take_snapshot()),
            models={name: _model(name) for name in (*BUILTIN_MODELS, *PACKAGED_MODELS)},
            gpus=gpu_infos(devices),
            no_gpu_reason="" if devices.gpus else devices.no_gpu_reason,
            driver=driver_version(devices),
            backends=_backends(),
            meters=_meters(devices),
            settings=_settings(),
        )


def _cpu(snapshot: EnvironmentSnapshot) -> str:
    threads, memory_mb = snapshot.cpu_count_logical, snapshot.ram_total_mb
    known = (
        snapshot.cpu_model,
        None if threads is None else f"{threads} hardware threads",
        None if memory_mb is None else f"{memory_mb / 1000:.3g} GB of memory",
    )
    return ", ".join(filter(None, known)) or "unknown"


def _model(name: str) -> str:
    command = installation_of(name)
    return AVAILABLE if command is None else f"not installed ({command})"


def _backends() -> tuple[Backend, ...]:
    installed = installed_backends()
    return tuple(_backend(name, entry, name in installed) for name, entry in BACKENDS.everything().items())


def _backend(name: str, entry: BackendEntry | ConfigError, installed: bool) -> Backend:
    if isinstance(entry, ConfigError):
        return Backend(name, installed=False, measured=False, install="", problem=str(entry))
    measured = entry.factory is not None
    there = elsewhere(name, os.environ) if measured else None
    return Backend(name, installed, measured, entry.install, entry.instead, elsewhere=there)


def _meters(devices: MeterContext) -> Meters:
    states = meter_states(devices)
    entries = {name: entry for name, entry in METERS.everything().items() if not isinstance(entry, ConfigError)}
    commands = {name: command for name, entry in entries.items() if (command := entry.command_on(devices))}
    return Meters(states, *_choice(states, devices), commands)


def _choice(states: Mapping[str, str], devices: MeterContext) -> tuple[str | None, str]:
    """The meter that `auto` would use, and why."""
    narrowed = _narrowed()
    if narrowed == "null":
        return None, OFF_BY_USER
    candidates = allowed(narrowed, devices)
    first = next((name for name in candidates if states[name] == AVAILABLE), None)
    if first is not None:
        return first, why(narrowed, candidates)
    limited = "" if narrowed == "auto" else f" ({why(narrowed, candidates)})"
    return None, f"energy would not be measured{limited}"


def _narrowed() -> str:
    """The meter that the user config sets for `auto`; `auto` for an invalid file, whose error is in the settings."""
    try:
        return load_user_config().measurement.energy_backend
    except ConfigError:
        return "auto"


def _settings() -> Settings | ConfigError:
    file = user_config_path()
    try:
        user = load_user_config()
        machine = resolve_measurement(user, os.environ)
    except ConfigError as error:
        return error
    # Unlike `Path.exists`, this returns False, and does not raise, where the path may not be accessed.
    exists = file is not None and os.path.exists(file)  # noqa: PTH110
    return Settings(file, exists, user.output.results_dir, machine.carbon_intensity_gco2_kwh, machine.datacenter_pue)
