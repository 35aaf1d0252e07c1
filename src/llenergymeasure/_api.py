"""The two public functions, and the one road below them.

What the pytest plugin needs besides stands at the end: internal, and nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, overload

from pydantic import ValidationError

from llenergymeasure.config.files.loader import (
    build_experiment_config,
    load_experiment_config,
    load_study_config,
    merged,
)
from llenergymeasure.config.files.suite import SuiteEntry, read_suite
from llenergymeasure.config.messages.explain import explain_validation_error
from llenergymeasure.config.models import ExperimentConfig, StudyConfig
from llenergymeasure.core.devices import driver_version, gpu_infos, open_devices
from llenergymeasure.core.energy.replay import ReplayMeter
from llenergymeasure.core.harness import OpenExperiment
from llenergymeasure.core.machine.environment import take_snapshot
from llenergymeasure.core.model_cache import ModelCache
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.domain.measurements import MeterChoice
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.exceptions import ConfigError, LLEMError, MeterError, PreFlightError, StudyError
from llenergymeasure.launch.isolated import measure_fresh
from llenergymeasure.launch.ranks.launcher import is_silent_rank, measure_anywhere
from llenergymeasure.orchestration.orchestrator import Session, check_machine, cuda_uuids, metered, opened
from llenergymeasure.progress import Progress, Silent
from llenergymeasure.protocols import EnergyBackend, Metering
from llenergymeasure.results.store import FolderRepository
from llenergymeasure.security import sanitise_name
from llenergymeasure.state.machine import StateManager
from llenergymeasure.study.runner import run_all

EXAMPLE = 'for example run_experiment("config.yaml") or run_experiment(model="builtin/tiny-llama", n=20)'

# Idle power is measured once per hour and process, whoever asks.
_session = Session()


@overload
def run_experiment(config: str | Path, *, output_dir: str | Path | None = None) -> ExperimentResult: ...
@overload
def run_experiment(config: ExperimentConfig, *, output_dir: str | Path | None = None) -> ExperimentResult: ...
@overload
def run_experiment(
    config: None = None, *, model: str, output_dir: str | Path | None = None, **fields: Any
) -> ExperimentResult: ...
def run_experiment(
    config: str | Path | ExperimentConfig | None = None, *, output_dir: str | Path | None = None, **fields: Any
) -> ExperimentResult:
    """Measure one experiment.

    Args:
        config: path to a YAML file (a `str` is always a path), or a configuration.
        output_dir: where to write the result's folder; None = nothing is written anywhere.
        **fields: instead of `config`: `model=` and any other field of `ExperimentConfig` by name.

    Returns:
        What was measured, with its warnings.

    Raises:
        ConfigError: no model and no config, both, or a wrong type of argument.
        pydantic.ValidationError: a field is wrong.
        PreFlightError: the experiment cannot run on this machine; carries every reason.
        ExperimentError: it failed on the way; `cause` says why.
    """
    study = StudyConfig(experiments=(_one_config(config, fields),))
    try:
        return _run(study, output_dir).results[0]
    except StudyError as error:
        raise error.failed[0].cause_for_user from error


def run_study(config: str | Path | StudyConfig, *, output_dir: str | Path | None = None) -> StudyResult:
    """Measure a list of experiments in this process, one after another.

    Args:
        config: path to a YAML file with an `experiments:` list, or a configuration.
        output_dir: where to write one folder per result; None = nothing is written anywhere.

    Raises:
        ConfigError: a wrong type of argument, or a file that cannot be understood.
        pydantic.ValidationError: a field is wrong.
        StudyError: some experiments failed; carries the results of the others.
    """
    if isinstance(config, (str, Path)):
        config = load_study_config(config)
    elif not isinstance(config, StudyConfig):
        raise ConfigError(
            f"run_study takes a path or a StudyConfig, not {type(config).__name__}; "
            "for example run_study(StudyConfig(experiments=[ExperimentConfig(model=...)]))"
        )
    return _run(config, output_dir)


def _run(
    study: StudyConfig,
    output_dir: str | Path | None = None,
    session: Session | None = None,
    keep: Callable[[ExperimentResult], object] | None = None,
) -> StudyResult:
    """The one road: every entrance ends here."""
    using = session or _session
    for config in study.experiments:
        check_machine(config, using)
    place = None if output_dir is None else Path(output_dir)
    if is_silent_rank(using.environ):
        keep = None
    elif keep is None and place is not None:
        keep = FolderRepository(place).save
    states = None if place is None or keep is None else _states(place, using.progress)
    return run_all(study, lambda config: measure_anywhere(config, using, place), keep, states)


def _states(place: Path, progress: Progress) -> StateManager:
    """The states below a directory, after a word on those who died there."""
    states = StateManager(place)
    for lost in states.cleanup_stale():
        progress.note(
            f"an earlier run of configuration {lost.config_hash} was killed before it had a result; run it again if needed"
        )
    return states


def _one_config(config: object, fields: dict[str, Any]) -> ExperimentConfig:
    if config is not None and fields:
        raise ConfigError(f"give a config or fields, not both (fields: {', '.join(fields)}); {EXAMPLE}")
    if isinstance(config, ExperimentConfig):
        return config
    if isinstance(config, (str, Path)):
        return load_experiment_config(config)
    if config is not None:
        raise ConfigError(f"a path or an ExperimentConfig is needed, not {type(config).__name__}; {EXAMPLE}")
    if "model" not in fields:
        given = f" (fields: {', '.join(fields)})" if fields else ""
        raise ConfigError(f"no config and no model given{given}; {EXAMPLE}")
    return build_experiment_config(fields)


# What the pytest plugin needs: internal.

__all__ = [
    "ConfigError",
    "EnergyBackend",
    "EnvironmentSnapshot",
    "LLEMError",
    "MeterError",
    "Metering",
    "OpenExperiment",
    "PreFlightError",
    "Session",
    "SuiteEntry",
    "environment",
    "make_config",
    "measure_fresh",
    "metering_with",
    "open_experiment",
    "open_meter",
    "read_suite",
    "replaying",
    "run_experiment",
    "run_study",
    "sanitise_name",
    "sharing_session",
]


def sharing_session() -> Session:
    """What experiments of one process share: idle power, and the model of those that load it alike; says nothing.

    Whoever makes one calls `model_cache.drop()` at the end.
    """
    return Session(progress=Silent(), model_cache=ModelCache())


def open_experiment(
    config: ExperimentConfig,
    *,
    session: Session | None = None,
    metering: Metering | None = None,
    meter_name: str | None = None,
    progress: Progress | None = None,
) -> AbstractContextManager[OpenExperiment]:
    """An experiment that is checked, loaded and warm.

    Args:
        config: the experiment.
        session: what it shares with others; None = this process's.
        metering: a meter of the caller's, who releases it; None = choose by `meter_name`.
        meter_name: the meter to use; None = as configured.
        progress: told of each step.

    Returns:
        A context whose `measure()` gives one result per window on the same loaded model.

    Raises:
        PreFlightError: on entering, the experiment cannot run on this machine.
        ExperimentError: on entering, it failed on the way.
    """
    using = session or _session
    if progress is not None:
        using = using.with_progress(progress)
    return opened(config, using, metering=metering, meter_name=meter_name)


@contextmanager
def open_meter(name: str = "auto") -> Iterator[Metering]:
    """A meter by name over every visible GPU, with the reason of its choice.

    Raises:
        PreFlightError: a meter named explicitly is not available.
    """
    devices = open_devices(_session.clock, _session.environ, ask_cuda=cuda_uuids)
    with devices as found, metered(name, _session, found) as metering:
        yield metering


def environment() -> EnvironmentSnapshot:
    """This machine and its software, with every visible GPU; torch is not asked."""
    with open_devices(_session.clock, _session.environ) as devices:
        return take_snapshot(gpu_infos(devices), None, driver_version(devices))


def replaying(next_joules: Callable[[], float | None], source: str) -> Metering:
    """Recorded joules as a meter: `next_joules` is asked when a window opens."""
    return metering_with(ReplayMeter(next_joules), f"recorded joules of {source}: simulated")


def metering_with(meter: EnergyBackend, reason: str) -> Metering:
    """A meter of the caller's, with why it is used."""
    return Metering(meter, MeterChoice(name=meter.name, reason=reason))


def make_config(
    config: str | Path | ExperimentConfig | Mapping[str, Any], overrides: Mapping[str, Any] | None = None
) -> ExperimentConfig:
    """An experiment from a file, a mapping or a configuration, with values by field name (dotted or nested) on top.

    Raises:
        ConfigError: it cannot be understood; in words, with file and line where there is a file.
    """
    source = config if isinstance(config, (str, Path)) else None
    try:
        below = config if isinstance(config, Mapping) else _one_config(config, {}).model_dump(exclude_unset=True)
        dotted = {name: value for name, value in (overrides or {}).items() if "." in name}
        nested = {name: value for name, value in (overrides or {}).items() if "." not in name}
        return build_experiment_config(merged(below, nested), dotted)
    except ValidationError as error:
        raise ConfigError(explain_validation_error(error, source, ExperimentConfig)) from error
