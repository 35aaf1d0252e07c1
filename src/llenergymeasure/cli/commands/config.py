"""`llem config`: GPUs, backends, meters and settings of this machine, by probing it. It writes nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from llenergymeasure._api.machine import (
    Backend,
    Elsewhere,
    GpuInfo,
    Machine,
    Settings,
    describe_machine,
    installed_packages,
)
from llenergymeasure._version import __version__
from llenergymeasure.cli.terminal import Screen
from llenergymeasure.exceptions import ConfigError


def command(*, verbose: bool) -> int:
    """Print GPUs, backends, meters and settings. Returns the exit code, always 0."""
    Screen(sys.stdout).say("\n".join(_lines(describe_machine(), verbose)))
    return 0


def _lines(machine: Machine, verbose: bool) -> Iterator[str]:
    yield f"llenergymeasure {__version__}, Python {machine.python}"
    yield f"CPU: {machine.cpu}"
    yield from _gpus(machine)
    yield "backends"
    for each in machine.backends:
        yield f"  {each.name}: {_backend(each) if each.elsewhere is None else _elsewhere(each.elsewhere)}"
        if each.elsewhere is not None:
            yield from (f"    fix: {finding.fix}" for finding in each.elsewhere.findings)
    yield "meters"
    for name, state in machine.meters.states.items():
        yield f"  {name}: {state}"
        if name in machine.meters.commands:
            yield f"    fix: {machine.meters.commands[name]}"
    yield f"  auto would choose {machine.meters.chosen or 'none'}: {machine.meters.reason}"
    yield "models that need no download"
    yield from (f"  {name}: {state}" for name, state in machine.models.items())
    yield from _settings(machine.settings)
    if verbose:
        yield "packages"
        yield from (f"  {name} {version}" for name, version in installed_packages().items())


def _gpus(machine: Machine) -> Iterator[str]:
    yield "GPUs"
    if not machine.gpus:
        yield f"  none: {machine.no_gpu_reason}"
    else:
        yield f"  driver {machine.driver or 'unknown'}"
        yield from (f"  {_gpu(gpu)}" for gpu in machine.gpus)


def _gpu(gpu: GpuInfo) -> str:
    facts = [f"{gpu.index}: {gpu.name}"]
    if gpu.vram_mb is not None:
        facts.append(f"{gpu.vram_mb / 1000:.3g} GB")
    if gpu.power_limit_w is not None:
        facts.append(f"limit {gpu.power_limit_w:.0f} W")
    if gpu.mig_enabled:
        facts.append("MIG: energy is that of the whole GPU")
    if gpu.persistence_mode is False:
        facts.append("persistence mode off (sudo nvidia-smi -pm 1)")
    return ", ".join(facts)


def _backend(backend: Backend) -> str:
    if backend.problem:
        return backend.problem
    if not backend.measured:  # its extra would be of no use
        installed = ", although it is installed" if backend.installed else ""
        return f"not measured by this release{installed}{f'; {backend.instead}' if backend.instead else ''}"
    return "available" if backend.installed else f"not installed ({backend.install})"


def _elsewhere(there: Elsewhere) -> str:
    if there.findings:
        return "; ".join(finding.problem for finding in there.findings)
    versions = "".join(f", {name} {version}" for name, version in there.versions.items())
    return f"available, in {there.runner} (Python {there.python}{versions})"


def _settings(settings: Settings | ConfigError) -> Iterator[str]:
    if isinstance(settings, ConfigError):
        yield f"user config: invalid: {settings}"
        return
    yield f"user config: {_place_of(settings.file, settings.exists)}"
    yield f"  results go to {settings.results_dir}"
    intensity = settings.carbon_intensity_gco2_kwh
    shown = "not set" if intensity is None else f"{intensity:g} gCO2/kWh"
    yield f"  carbon intensity: {shown}, PUE {settings.datacenter_pue:g}"


def _place_of(user_config: Path | None, exists: bool) -> str:
    if user_config is None:
        return "none: there is no home directory; set HOME or XDG_CONFIG_HOME to have one"
    return f"{user_config}{'' if exists else ' (absent: defaults)'}"
