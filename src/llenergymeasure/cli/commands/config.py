"""`llem config`: what this machine offers. Real probes; writes nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

from llenergymeasure._version import __version__
from llenergymeasure.config.user_config import load_user_config, resolve_measurement, user_config_path
from llenergymeasure.core.backends.registry import BACKENDS, installed_backends
from llenergymeasure.core.devices import MeterContext, driver_version, gpu_infos, open_devices
from llenergymeasure.core.energy.select import AVAILABLE, OFF_BY_USER, allowed, meter_states, why
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.machine.environment import installed_packages
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.exceptions import ConfigError


def command(*, verbose: bool) -> int:
    """Print GPUs, backends, meters and settings. Returns the exit code, always 0."""
    with open_devices(SystemClock(), os.environ) as devices:
        print("\n".join(_lines(devices, verbose)))
    return 0


def _lines(devices: MeterContext, verbose: bool) -> Iterator[str]:
    yield f"llenergymeasure {__version__}, Python {platform.python_version()}"
    yield from _gpus(devices)
    yield from _backends()
    yield from _meters(devices)
    yield from _settings()
    if verbose:
        yield "packages"
        yield from (f"  {name} {version}" for name, version in installed_packages().items())


def _gpus(devices: MeterContext) -> Iterator[str]:
    yield "GPUs"
    if not devices.gpus:
        yield f"  none: {devices.no_gpu_reason}"
    else:
        yield f"  driver {driver_version(devices) or 'unknown'}"
        yield from (f"  {_gpu(gpu)}" for gpu in gpu_infos(devices))


def _gpu(gpu: GpuInfo) -> str:
    facts = [f"{gpu.index}: {gpu.name}"]
    if gpu.vram_mb is not None:
        facts.append(f"{gpu.vram_mb / 1000:.3g} GB")
    if gpu.power_limit_w is not None:
        facts.append(f"limit {gpu.power_limit_w:.0f} W")
    if gpu.mig_enabled:
        facts.append("MIG: energy is the whole GPU's")
    if gpu.persistence_mode is False:
        facts.append("persistence mode off (sudo nvidia-smi -pm 1)")
    return ", ".join(facts)


def _backends() -> Iterator[str]:
    yield "backends"
    installed = installed_backends()
    for name, entry in BACKENDS.items():
        if name not in installed:
            yield f"  {name}: not installed ({entry.install})"
        elif entry.factory is None:
            yield f"  {name}: installed, measured by a later release"
        else:
            yield f"  {name}: available"


def _meters(devices: MeterContext) -> Iterator[str]:
    yield "meters"
    states = meter_states(devices)
    yield from (f"  {name}: {state}" for name, state in states.items())
    yield f"  auto would take {_choice(states, _narrowed())}"


def _narrowed() -> str:
    """What the user config makes of `auto`; a broken one is told below."""
    try:
        return load_user_config().measurement.energy_backend
    except ConfigError:
        return "auto"


def _choice(states: Mapping[str, str], narrowed: str) -> str:
    if narrowed == "null":
        return f"none: {OFF_BY_USER}"
    first = next((name for name in allowed(narrowed) if states[name] == AVAILABLE), None)
    if first is not None:
        return f"{first}: {why(narrowed)}"
    return "none: energy would not be measured" + ("" if narrowed == "auto" else f" ({why(narrowed)})")


def _settings() -> Iterator[str]:
    path = user_config_path()
    try:
        user = load_user_config()
        machine = resolve_measurement(user, os.environ)
    except ConfigError as error:
        yield f"user config: broken: {error}"
        return
    yield f"user config: {_place_of(path)}"
    yield f"  results go to {user.output.results_dir}"
    intensity = machine.carbon_intensity_gco2_kwh
    yield f"  carbon intensity: {'not set' if intensity is None else f'{intensity:g} gCO2/kWh'}, PUE {machine.datacenter_pue:g}"


def _place_of(user_config: Path | None) -> str:
    if user_config is None:
        return "none: there is no home directory; set HOME or XDG_CONFIG_HOME to have one"
    # Unlike that of Path, this says False, and raises nothing, where it may not look.
    return f"{user_config}{'' if os.path.exists(user_config) else ' (absent: defaults)'}"  # noqa: PTH110
