"""The two public functions, and the run of the command line. The functions for the plugin are in `_plugin_api`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, overload

from llenergymeasure.config.files.yaml import read_experiment
from llenergymeasure.config.loader import build_experiment_config, load_experiment_config
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.domain.files.report_formats import report_maker
from llenergymeasure.domain.files.serialise import json_text
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.domain.summary import summarise
from llenergymeasure.exceptions import ConfigError, ExperimentError, StudyError
from llenergymeasure.launch.check import check_experiments
from llenergymeasure.launch.open import measure_once
from llenergymeasure.launch.ranks.rank import is_silent_rank
from llenergymeasure.orchestration.notes import notes_on_study
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.progress import Progress
from llenergymeasure.records import Saved
from llenergymeasure.results.store import FolderRepository
from llenergymeasure.state.machine import StateManager
from llenergymeasure.study.one import run_one, study_of_one

__all__ = ["Saved", "is_silent_rank", "json_text", "notes_on_study", "run", "run_experiment", "run_study", "summarise"]

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
        return _run(study, output_dir).results[0]
    except StudyError as error:
        raise error.failed[0].cause_for_user from error


def run_study(
    config: str | Path | StudyConfig,
    *,
    output_dir: str | Path | None = None,
    resume: bool | str | Path = False,
    executor: str | None = None,
    parallel: int | None = None,
    gpus_per_run: int | None = None,
    executor_options: Mapping[str, str] | None = None,
) -> StudyResult:
    """Run a study: every cell in every cycle, each run in a fresh process. A failed run does not end the study.

    Args:
        config: path to a YAML file, or a configuration. One experiment in one cycle is measured in this process.
        output_dir: where to write the study's folder; None = nothing is written anywhere, and the results are in memory.
        resume: whether to continue the newest study of this design in `output_dir`; or the folder to continue.
        executor: name of the executor that hands out the cycles to workers: local, ray or slurm; None = that of the user config, or
            `local` with `parallel`. Without any, this process makes the runs.
        parallel: number of cycles that run at the same time, each on its own GPUs.
        gpus_per_run: number of GPUs of a run; None = as the configurations need.
        executor_options: options of the executor.

    Returns:
        The study; `failed` has the runs that failed. Runs that were skipped after a failure of their cell are in `runs` only.

    Raises:
        ConfigError: a wrong type of argument, a file that cannot be understood, or a folder of another study.
        pydantic.ValidationError: a field is wrong.
        PreFlightError: a cell cannot be measured on this machine; with every reason.
        StudyError: no run has a result.
    """
    _check_resume(resume)
    given = None
    if isinstance(config, (str, Path)):
        document = read_experiment(config)
        given, config = document.text, load_study_config(document)
    elif not isinstance(config, StudyConfig):
        raise ConfigError(
            f"run_study takes a path or a StudyConfig, not {type(config).__name__}",
            "for example run_study(StudyConfig(experiments=[ExperimentConfig(model=...)]))",
        )
    return _run(config, output_dir, given, resume, (executor, parallel, gpus_per_run, executor_options or {}))


def _check_resume(resume: object) -> None:
    """Check that it is a flag or a folder. An empty path, such as that of an unset variable, would start a new study."""
    if isinstance(resume, bool) or (isinstance(resume, (str, os.PathLike)) and str(resume).strip()):
        return
    raise ConfigError(
        f"resume must be True, False or a folder, not {resume!r}", "give the folder of the study to continue, or True"
    )


def _place(output_dir: object) -> Path | None:
    if output_dir is None:
        return None
    if isinstance(output_dir, (str, os.PathLike)) and str(output_dir).strip():
        return Path(output_dir)
    raise ConfigError(
        f"output_dir must be a directory, not {output_dir!r}", "give a path, or '.' for the working directory"
    )


def _run(
    study: StudyConfig,
    output_dir: str | Path | None,
    given: str | None = None,
    resume: bool | str | Path = False,
    executor: tuple[str | None, int | None, int | None, Mapping[str, str]] = (None, None, None, {}),
) -> StudyResult:
    """Run a study, or a single experiment in this process."""
    place = _place(output_dir)
    if study.is_one_run and not resume:
        if any(each not in (None, {}) for each in executor):
            raise ConfigError(
                "one experiment in one cycle is measured in this process", "give no executor, or more cycles"
            )
        for note in notes_on_study(study):
            SESSION.progress.note(note)
        try:
            return study_of_one(study, measure_one(study.experiments[0], SESSION, place))
        except ExperimentError as error:
            raise StudyError([error], []) from error
    from llenergymeasure._api.study import ExecutorOptions, StudyOptions, run_or_raise  # noqa: PLC0415 - a single experiment does not need it

    options = StudyOptions(given=given, resume=resume, executor=ExecutorOptions(*executor))
    return run_or_raise(study, SESSION, place, options)


def run(
    config: ExperimentConfig,
    *,
    output_dir: Path | None,
    progress: Progress,
    on_result: Callable[[ExperimentResult], None],
    on_saved: Callable[[Saved], None],
    export_csv: bool = False,
    report: bool = False,
) -> ExperimentResult:
    """Measure and save an experiment, and report its result before it is saved, so that a full disk loses no number.

    Args:
        config: the experiment.
        output_dir: where to write the folder of the result; None = the directory of the user config.
        progress: receives each step.
        on_result: called with the result before it is written.
        on_saved: called with the result as it was written, and its path.
        export_csv: write result.csv too.
        report: write report.html too.

    Raises:
        PreFlightError: the experiment cannot run on this machine, or a report needs a package that is not installed.
        ExperimentError: the experiment failed.
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

    return measure_one(config, session, place, keep)


def measure_one(
    config: ExperimentConfig,
    session: Session,
    place: Path | None,
    keep: Callable[[ExperimentResult], ExperimentResult] | None = None,
) -> ExperimentResult:
    """Check an experiment, measure it in this process, and keep its result.

    Raises:
        PreFlightError: it cannot run on this machine.
        ExperimentError: it failed.
    """
    check_experiments([config], session, place)
    if place is None or is_silent_rank(session.environ):
        return run_one(config, lambda each: measure_once(each, session, place), lambda result: result)
    keeping = keep or (lambda result: FolderRepository(place).save(result).result)
    states = _states(place, session.progress)
    return run_one(config, lambda each: measure_once(each, session, place), keeping, states)


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
