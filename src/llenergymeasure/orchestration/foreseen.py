"""Foresees, for a dry run, which meter an experiment would use and whether it measures or estimates. It opens no meter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from llenergymeasure.config.backends.server import ELSEWHERE
from llenergymeasure.config.meters import IN_CONFIG, METERS, POWERCAP
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.registry import importable
from llenergymeasure.exceptions import MeterError
from llenergymeasure.orchestration.dry_run import devices_without_torch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from llenergymeasure.core.devices import MeterContext
    from llenergymeasure.protocols import Clock

    OpensDevices = Callable[[ExperimentConfig, Mapping[str, str]], AbstractContextManager[MeterContext]]

# Without any of these there is no driver of NVIDIA; the last one is that of Windows, seen from WSL.
DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidiactl"), Path("/dev/dxg"))


@dataclass(frozen=True)
class ForeseenEnergy:
    """The meter that an experiment would use.

    Attributes:
        meter: name of the meter; null = switched off, none = no meter.
        source: whether the energy would be measured or estimated; None without a meter.
        reason: why this meter or none.
    """

    meter: str
    source: Literal["measured", "estimated"] | None
    reason: str


def driver_is_loaded() -> bool:
    """Whether a driver of NVIDIA is loaded."""
    return any(path.exists() for path in DRIVERS)


def foreseen_energy(
    config: ExperimentConfig,
    narrowed: str,
    environ: Mapping[str, str],
    devices_of: OpensDevices = devices_without_torch,
    has_driver: Callable[[], bool] = driver_is_loaded,
    powercap: Path = POWERCAP,
    has: Callable[[str], bool] = importable,
    clock: Clock | None = None,
) -> ForeseenEnergy:
    """The meter of an experiment.

    Args:
        config: the experiment.
        narrowed: the meter that the user config sets for `auto`.
        environ: environment variables.
        devices_of: opens the GPUs that the run would use.
        has_driver: whether a driver of NVIDIA is loaded.
        powercap: where Linux shows the energy counters of CPUs.
        has: whether a module is installed.
        clock: the clock of the check that the counters advance; None = that of the system.
    """
    if config.backend == "server" and config.server_settings.effective_energy == "none":
        return ForeseenEnergy("none", None, ELSEWHERE)
    declared = config.energy.backend
    if (narrowed if declared == "auto" else declared) == "null":
        return ForeseenEnergy("null", None, IN_CONFIG.switched_off(declared))
    if (declared, narrowed) == ("auto", "auto") and not has_driver():
        return _without_gpu(has, _counts(powercap, clock))
    from llenergymeasure.core.energy.select import foreseen_meter  # noqa: PLC0415 - takes time that most checks need not spend

    with devices_of(config, environ) as devices:
        choice = foreseen_meter(declared, narrowed, devices)
        if choice.name == "none":
            return ForeseenEnergy(choice.name, None, choice.reason)
        modelled = METERS[choice.name].models_cpus and not devices.gpus and not _counts(powercap, clock)
        return ForeseenEnergy(choice.name, "estimated" if modelled else "measured", choice.reason)


def _without_gpu(has: Callable[[str], bool], counts: bool) -> ForeseenEnergy:
    """The meter of `auto` where there is no GPU, without importing what opens one."""
    reason = f"the first available of {', '.join(METERS)}"
    if counts:
        return ForeseenEnergy("rapl", "measured", reason)
    if has("codecarbon"):
        return ForeseenEnergy("codecarbon", "estimated", reason)
    return ForeseenEnergy("none", None, "no meter is available")


def _counts(powercap: Path, clock: Clock | None) -> bool:
    """Whether the energy counters of the CPUs can be read and advance."""
    if not powercap.is_dir():
        return False
    from llenergymeasure.core.energy.rapl.zones import working_zones  # noqa: PLC0415 - only a machine with counters needs it
    from llenergymeasure.core.machine.clock import SystemClock  # noqa: PLC0415 - the same

    try:
        working_zones(powercap, clock or SystemClock())
    except MeterError:
        return False
    return True
