"""Runs a study on this machine: chooses the parts, and where the results go."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llenergymeasure._api.executors import ExecutorOptions, handed_out, options_of
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.user_config import ExecutionSettings
from llenergymeasure.domain.files.study import resume_command, study_json
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.left_out import left_out_notes
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.exceptions import ConfigError, ExperimentError, LLEMError, PreFlightError, StudyError
from llenergymeasure.launch.check import check_experiments
from llenergymeasure.launch.open import no_fresh_process
from llenergymeasure.launch.ranks.rank import rank_info_of
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.progress import Progress
from llenergymeasure.study.design import design_of, protocol_of
from llenergymeasure.study.files.folder import Configuration
from llenergymeasure.study.files.manifest import read_manifest
from llenergymeasure.study.files.resume import check_requested, newest_folder, read_config
from llenergymeasure.study.gaps import NoSkip, Skip
from llenergymeasure.study.machine import Machine, measuring, opened_machine
from llenergymeasure.study.outlook import Progressed
from llenergymeasure.study.runner import Started, StudyParts, run_in_folder, run_in_memory, run_new
from llenergymeasure.study.table import Measure

__all__ = [
    "ExecutorOptions",
    "Progressed",
    "RunRow",
    "Started",
    "StudyOptions",
    "options_of",
    "read_config",
    "resume_command",
    "run_cells",
    "run_here",
    "run_or_raise",
    "study_json",
]


def _nothing(*_: object) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class StudyOptions:
    """How a study is run, beside its configuration.

    Attributes:
        given: the text of the configuration's file; None = it is written as resolved.
        resume: whether to continue the newest study of the design; or the folder to continue.
        gaps: whether to make the fixed gaps.
        other_environment: whether a study may be continued in another environment.
        requested: fields that the command line sets; a study that is continued must be able to follow them.
        executor: how the cycles are handed out to workers, if they are.
        skip: whether the user wants to skip a wait.
        on_start: called before the first run.
        on_row: called with each run that ended, its result if it has one, and how far the study is.
    """

    given: str | None = None
    resume: bool | str | Path = False
    gaps: bool = True
    other_environment: bool = False
    requested: Collection[str] = ()
    executor: ExecutorOptions = field(default_factory=ExecutorOptions)
    skip: Skip = field(default_factory=NoSkip)
    on_start: Callable[[Started], None] = _nothing
    on_row: Callable[[RunRow, ExperimentResult | None, Progressed], None] = _nothing


def run_cells(study: StudyConfig, session: Session, place: Path | None, options: StudyOptions) -> StudyResult:
    """Check all cells, then run the study.

    Args:
        study: the configuration.
        session: the session of this process.
        place: directory of the results; None = nothing is written.
        options: how it is run.

    Raises:
        ConfigError: a folder of another study, or that cannot follow what the command line sets, or cannot be written.
        PreFlightError: a cell cannot be measured on this machine; with every reason.
        LLEMError: a state or a result could not be stored; the study stopped.
    """
    rank_info = rank_info_of(session.environ)
    if rank_info is not None:
        raise PreFlightError([no_fresh_process(rank_info)])
    design = design_of(study)
    folder = _folder(design, place, options)
    protocol = protocol_of(study, design, _open_gaps(session, folder), gaps=options.gaps)
    for note in left_out_notes(len(design.cells), design.skipped, design.merged):
        session.progress.note(note)
    if folder is not None:
        check_requested(folder, protocol, options.requested)
    chosen = options.executor.with_settings(session.settings().executor)
    with ExitStack() as stack:
        if chosen is None:
            check_experiments(study.experiments, session, folder or place)
            machine = stack.enter_context(opened_machine(design, session))
            parts = _parts(session, options, machine, stack.enter_context(measuring(protocol, session)))
        else:
            handout = handed_out(chosen, study.experiments, protocol, session, folder or place)
            parts = replace(_parts(session, options), handout=handout)
        if folder is not None:
            return run_in_folder(folder, design, protocol, parts, options.other_environment)
        if place is None:
            return run_in_memory(design, protocol, parts)
        return run_new(design, protocol, parts, place, configuration_of(study, options.given))


def _check_one_place(output_dir: Path | None, options: StudyOptions) -> None:
    """Check that a folder to continue is in the directory that was given, if both were."""
    if output_dir is None or isinstance(options.resume, bool):
        return
    if Path(options.resume).resolve().parent != output_dir.resolve():
        raise ConfigError(
            f"the study in {options.resume} is continued in its own folder, which is not in {output_dir}",
            "remove the directory of the results (--output, output_dir)",
        )


def _folder(design: StudyDesign, place: Path | None, options: StudyOptions) -> Path | None:
    """The folder to continue; None for a new study."""
    if options.resume is False:
        return None
    if options.resume is not True:
        return Path(options.resume)
    if place is None:
        raise ConfigError("resume needs output_dir: without it a study is not saved", "give the same output_dir")
    return newest_folder(place, design)


def _open_gaps(session: Session, folder: Path | None) -> ExecutionSettings:
    """The gaps of a configuration that leaves them open: of the study that is continued, or else of the user config."""
    if folder is None:
        return session.settings().execution
    there = read_manifest(folder).protocol
    return ExecutionSettings(config_gap_seconds=there.experiment_gap_s, cycle_gap_seconds=there.cycle_gap_s)


def configuration_of(study: StudyConfig, given: str | None) -> Configuration:
    """The text of the file, or a file with the same study as JSON, which is YAML too; and the configuration with every cell."""
    if given is None:
        found = {"skipped", "merged"} | ({"reference"} if study.reference is None else set())
        given = _json(study.model_dump(mode="json", exclude_unset=True, exclude=found))
    return Configuration(given, _json(study.model_dump(mode="json")))


def _json(fields: dict[str, Any]) -> str:
    return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"


def run_here(study: StudyConfig, output_dir: Path | None, progress: Progress, options: StudyOptions) -> StudyResult:
    """Run a study for the command line; without a directory, in that of the user config.

    Raises:
        ConfigError, PreFlightError, LLEMError: see `run_cells`.
    """
    session = Session(progress=progress)
    _check_one_place(output_dir, options)
    return run_cells(study, session, output_dir or Path(session.settings().output.results_dir), options)


def _parts(
    session: Session, options: StudyOptions, machine: Machine | None = None, measure: Measure | None = None
) -> StudyParts:
    """The parts of a study whose runs are made by this process; without a machine, by workers."""
    return StudyParts(
        measure=measure,
        clock=session.clock,
        progress=session.progress,
        host="" if machine is None else machine.host,
        environment=None if machine is None else machine.environment,
        thermometer=dict if machine is None else machine.thermometer,
        skip=options.skip,
        on_start=options.on_start,
        on_row=options.on_row,
    )


def run_or_raise(study: StudyConfig, session: Session, place: Path | None, options: StudyOptions) -> StudyResult:
    """Run a study for the library; see `run_cells`.

    Raises:
        StudyError: no run has a result.
    """
    _check_one_place(place, options)
    found = run_cells(study, session, place, options)
    if found.failed and not found.completed:
        raise StudyError([_failed_run(found, row) for row in found.failed], [])
    return found


def _failed_run(study: StudyResult, row: RunRow) -> ExperimentError:
    """The error of a failed run."""
    failure = row.failure
    message = "it has no result" if failure is None else failure.message
    return ExperimentError(study.design.cell(row.cell).config, LLEMError(message))
