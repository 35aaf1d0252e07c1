"""Functions for the pytest plugin in addition to the public names. Internal: not for other users."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llenergymeasure._api.run import SESSION, config_from
from llenergymeasure.config.files.yaml import Document, read_experiment
from llenergymeasure.config.loader import build_experiment_config, load_experiment_config, merged, with_overrides
from llenergymeasure.config.messages.explain import explain_validation_error
from llenergymeasure.config.meters import MeterSetting
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.suite import SuiteEntry, read_suite
from llenergymeasure.core.backends.registry import cuda_uuids
from llenergymeasure.core.devices import driver_version, gpu_infos, open_devices
from llenergymeasure.core.energy.check_reading import check_reading
from llenergymeasure.core.energy.replay import ReplayMeter
from llenergymeasure.core.machine.environment import take_snapshot
from llenergymeasure.core.model_cache import ModelCache
from llenergymeasure.domain.energy import MeterChoice
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.domain.warnings import MeasurementWarning
from llenergymeasure.exceptions import ConfigError, LLEMError, MeterError, PreFlightError
from llenergymeasure.launch import open as launching
from llenergymeasure.launch.check import check_experiments
from llenergymeasure.launch.open import Opened
from llenergymeasure.orchestration.orchestrator import Session, metered
from llenergymeasure.progress import Progress, Silent
from llenergymeasure.protocols import EnergyBackend, Metering
from llenergymeasure.security import sanitise_name

__all__ = [
    "ConfigError",
    "EnergyBackend",
    "EnvironmentSnapshot",
    "LLEMError",
    "MeasurementWarning",
    "MeterError",
    "Metering",
    "Opened",
    "PreFlightError",
    "Progress",
    "Session",
    "Silent",
    "SuiteEntry",
    "check_reading",
    "environment",
    "make_config",
    "metering_with",
    "open_experiment",
    "open_meter",
    "read_suite",
    "replaying",
    "sanitise_name",
    "sharing_session",
]


def sharing_session(meter_setting: MeterSetting, progress: Progress | None = None) -> Session:
    """A session whose experiments share idle power, and the model if they load the same one.

    The caller must call `model_cache.drop()` at the end.

    Args:
        meter_setting: the option of the caller that names a meter.
        progress: receives the steps; None = nothing does.
    """
    return Session(progress=progress or Silent(), model_cache=ModelCache(), meter_setting=meter_setting)


def open_experiment(
    config: ExperimentConfig,
    *,
    session: Session | None = None,
    metering: Metering | None = None,
    meter_name: str | None = None,
    fresh: bool = False,
) -> AbstractContextManager[Opened]:
    """An experiment that is checked, loaded and warmed up.

    Args:
        config: the experiment.
        session: the session to use; None = that of this process.
        metering: a meter of the caller, who releases it; None = select by `meter_name`.
        meter_name: the meter to use; None = as configured.
        fresh: whether it must run in another process than this one.

    Returns:
        A context whose `measure()` gives one result per window on the same loaded model.

    Raises:
        PreFlightError: the experiment cannot run on this machine.
        ExperimentError: on entering, loading or warming up failed.
    """
    using = session or SESSION
    check_experiments([config], using, meter_name="null" if metering else meter_name)
    return launching.open_experiment(config, using, metering=metering, meter_name=meter_name, fresh=fresh)


@contextmanager
def open_meter(name: str, session: Session) -> Iterator[Metering]:
    """A meter by name over all visible GPUs, with the reason of its choice.

    Args:
        name: of the meter, or `auto`.
        session: its settings limit `auto`.

    Raises:
        PreFlightError: a meter named explicitly is not available.
    """
    devices = open_devices(
        session.clock, session.environ, ask_cuda=cuda_uuids, sampling=True, powercap=session.powercap
    )
    with devices as found, metered(name, session, found, setting=session.meter_setting) as metering:
        yield metering


def environment() -> EnvironmentSnapshot:
    """The environment of this machine with all visible GPUs, without values from torch."""
    with open_devices(SESSION.clock, SESSION.environ) as devices:
        return take_snapshot(gpu_infos(devices), None, driver_version(devices))


def replaying(next_joules: Callable[[], float | None], source: str) -> Metering:
    """A meter that replays recorded joules; `next_joules` is called when a window opens."""
    return metering_with(ReplayMeter(next_joules), f"recorded joules of {source}: simulated")


def metering_with(meter: EnergyBackend, reason: str) -> Metering:
    """A meter of the caller, with the reason of its use."""
    return Metering(meter, MeterChoice(name=meter.name, reason=reason))


def make_config(
    config: str | Path | ExperimentConfig | Mapping[str, Any], *overrides: Mapping[str, Any] | None
) -> ExperimentConfig:
    """An experiment from a file, a mapping or a configuration, with values by field name (dotted or nested) on top.

    Args:
        config: the experiment.
        *overrides: the later ones win.

    Raises:
        ConfigError: the configuration is not valid; with file and line if there is a file.
    """
    document = read_experiment(config) if isinstance(config, (str, Path)) else None
    try:
        fields = dict(config) if isinstance(config, Mapping) else _chosen(config, document)
        for each in overrides:
            fields = _with(fields, each or {})
        return build_experiment_config(fields)
    except ValidationError as error:
        raise explain_validation_error(error, document, ExperimentConfig) from error


def _with(fields: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    dotted = {name: value for name, value in overrides.items() if "." in name}
    nested = {name: value for name, value in overrides.items() if "." not in name}
    return with_overrides(merged(fields, nested), dotted)


def _chosen(config: object, document: Document | None) -> dict[str, Any]:
    """The fields that a file or a configuration sets."""
    found = config_from(config, {}) if document is None else load_experiment_config(document)
    return found.model_dump(exclude_unset=True)
