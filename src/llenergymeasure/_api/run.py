"""The two public functions, and the run of the command line. The functions for the plugin are in `_plugin_api`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, overload

from llenergymeasure._api.comparison import labels_of, side_by_side
from llenergymeasure.config.loader import build_experiment_config, load_experiment_config
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.domain.files.report_formats import report_maker
from llenergymeasure.domain.files.serialise import json_text
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.exceptions import ConfigError, StudyError
from llenergymeasure.launch.check import check_experiments
from llenergymeasure.launch.open import measure_once
from llenergymeasure.launch.ranks.rank import is_silent_rank
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.progress import Progress
from llenergymeasure.records import Saved
from llenergymeasure.results.store import FolderRepository
from llenergymeasure.state.machine import StateManager
from llenergymeasure.study.one import study_of
from llenergymeasure.study.runner import run_all

__all__ = ["Saved", "is_silent_rank", "json_text", "labels_of", "run", "run_experiment", "run_study", "side_by_side"]

EXAMPLE = 'for example run_experiment("config.yaml") or run_experiment(model="builtin/tiny-llama", n=20)'

# Shared by all calls in this process, so that idle power is measured once per hour.
SESSION = Session()


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
        The result, with its warnings.

    Raises:
        ConfigError: no model and no config, both, or a wrong type of argument.
        pydantic.ValidationError: a field is wrong.
        PreFlightError: the experiment cannot run on this machine; with every reason.
        ExperimentError: the experiment failed; `cause` is the original error.
    """
    study = StudyConfig(experiments=(config_from(config, fields),))
    try:
        return _measure(study, output_dir)[0]
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
            f"run_study takes a path or a StudyConfig, not {type(config).__name__}",
            "for example run_study(StudyConfig(experiments=[ExperimentConfig(model=...)]))",
        )
    return study_of(config, _measure(config, output_dir))


def run(
    study: StudyConfig,
    *,
    output_dir: Path | None,
    progress: Progress,
    on_result: Callable[[ExperimentResult], None],
    on_saved: Callable[[Saved], None],
    export_csv: bool = False,
    report: bool = False,
) -> tuple[ExperimentResult, ...]:
    """Measure and save a study, and report each result before it is saved, so that a full disk loses no number.

    Args:
        study: the experiments.
        output_dir: where to write one folder per result; None = the directory of the user config.
        progress: receives each step.
        on_result: called with each result before it is written.
        on_saved: called with each result as it was written, and its path.
        export_csv: write result.csv too.
        report: write report.html too.

    Raises:
        PreFlightError: a report needs a package that is not installed.
        StudyError: some experiments failed; carries the results of the others.
    """
    maker = report_maker("html") if report else None
    session = Session(progress=progress)
    place = output_dir or Path(session.settings().output.results_dir)
    repository = FolderRepository(place, export_csv=export_csv, report=maker)

    def keep(result: ExperimentResult) -> ExperimentResult:
        try:
            on_result(result)
        finally:
            saved = repository.save(result)
        on_saved(saved)
        return saved.result

    return _measure(study, place, session, keep)


def _measure(
    study: StudyConfig,
    output_dir: str | Path | None = None,
    session: Session | None = None,
    keep: Callable[[ExperimentResult], ExperimentResult] | None = None,
) -> tuple[ExperimentResult, ...]:
    """Check the whole list, then measure each experiment and keep its result."""
    using = session or SESSION
    place = None if output_dir is None else Path(output_dir)
    check_experiments(study.experiments, using, place)
    if place is None or is_silent_rank(using.environ):
        return run_all(study, lambda config: measure_once(config, using, place))
    keeping = keep or (lambda result: FolderRepository(place).save(result).result)
    states = _states(place, using.progress)
    return run_all(study, lambda config: measure_once(config, using, place), keeping, states)


def _states(place: Path, progress: Progress) -> StateManager:
    """The states in a directory; notes the runs that were killed there."""
    states = StateManager(place)
    for lost in states.cleanup_stale():
        progress.note(
            f"an earlier run of configuration {lost.config_hash} was killed before it had a result; run it again if needed"
        )
    return states


def config_from(config: object, fields: dict[str, Any]) -> ExperimentConfig:
    """The experiment for the arguments of `run_experiment`.

    Raises:
        ConfigError: the arguments specify no experiment, or two.
    """
    if config is not None and fields:
        raise ConfigError(f"give a config or fields, not both (fields: {', '.join(fields)})", EXAMPLE)
    if isinstance(config, ExperimentConfig):
        return config
    if isinstance(config, (str, Path)):
        return load_experiment_config(config)
    if config is not None:
        raise ConfigError(f"a path or an ExperimentConfig is needed, not {type(config).__name__}", EXAMPLE)
    if "model" not in fields:
        given = f" (fields: {', '.join(fields)})" if fields else ""
        raise ConfigError(f"no config and no model given{given}", EXAMPLE)
    return build_experiment_config(fields)
