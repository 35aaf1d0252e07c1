"""`llem run`: measures, saves and prints one experiment or a study."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from llenergymeasure import ExperimentConfig, ExperimentResult, StudyConfig
from llenergymeasure._api.request import names_of, study_again, study_of
from llenergymeasure._api.run import Saved, is_silent_rank, json_text, run
from llenergymeasure.cli.display import progress_for
from llenergymeasure.cli.enter import EnterKey
from llenergymeasure.cli.interrupts import Attentive
from llenergymeasure.exceptions import ExperimentError
from llenergymeasure.progress import Progress


@dataclass(frozen=True)
class RunOptions:
    """Options of `llem run` beside the configuration.

    Attributes:
        output: directory of the results; None = as in the user config.
        json: whether to print JSON.
        export_csv: whether to write result.csv.
        report: whether to write report.html.
        quiet: whether to print results only.
        sweeps: texts of `--sweep`.
        resume: whether to continue a study, the newest of its design or the one in `folder`.
        folder: the folder of `--resume`.
        gaps: whether to make fixed gaps.
        other_environment: whether a study may be continued in another environment.
    """

    output: Path | None
    json: bool
    export_csv: bool
    report: bool
    quiet: bool
    sweeps: Sequence[str] = ()
    resume: bool = False
    folder: Path | None = None
    gaps: bool = True
    other_environment: bool = False


def command(config: Path | None, flags: Mapping[str, Any], assignments: Sequence[str], options: RunOptions) -> int:
    """Measure, save, and print. Returns the exit code."""
    if options.resume and options.folder is None and config is not None and config.is_dir():
        config, options = None, replace(options, folder=config)
    study = _study(config, flags, assignments, options)
    gc.enable()  # the entry point disabled it while the command line started
    progress = Attentive(progress_for(options.quiet or is_silent_rank(os.environ)))
    if study.is_one_run and not options.resume:
        return _one(study.experiments[0], progress, options)
    return _run_study(study, config, progress, options, names_of(flags, assignments))


def _run_study(
    study: StudyConfig, config: Path | None, progress: Progress, options: RunOptions, requested: frozenset[str]
) -> int:
    from llenergymeasure._api.study import StudyOptions  # noqa: PLC0415 - a single experiment does not need it
    from llenergymeasure.cli.commands import study as studies  # noqa: PLC0415 - as above

    using = StudyOptions(
        given=config,
        resume=options.folder or options.resume,
        gaps=options.gaps,
        other_environment=options.other_environment,
        requested=requested,
        skip=EnterKey(),
    )
    return studies.command(
        study, using, output=options.output, progress=progress, json=options.json, quiet=options.quiet,
        report=options.report,
    )  # fmt: skip


def _study(
    config: Path | None, flags: Mapping[str, Any], assignments: Sequence[str], options: RunOptions
) -> StudyConfig:
    """The study of the command line, or of the folder that is continued."""
    if config is not None or options.folder is None:
        return study_of(config, flags, assignments, options.sweeps)
    return study_again(options.folder, flags, assignments, options.sweeps)


def _one(config: ExperimentConfig, progress: Progress, options: RunOptions) -> int:
    """Measure one experiment."""
    kept: list[ExperimentResult] = []

    def show(result: ExperimentResult) -> None:
        kept.append(result)
        if not options.json:
            print(result.summary(), flush=True)

    def show_place(saved: Saved) -> None:
        kept[-1] = saved.result
        if not options.quiet:
            print(_saved(saved.path), file=sys.stderr)

    try:
        run(
            config, output_dir=options.output, progress=progress, on_result=show, on_saved=show_place,
            export_csv=options.export_csv, report=options.report,
        )  # fmt: skip
    except ExperimentError as error:
        raise error.cause_for_user from error
    finally:
        if options.json and kept:
            print(json_text(kept[-1]).rstrip())
    return 0


def _saved(path: Path) -> str:
    """The path of the result, and the names of the other files in its folder."""
    beside = sorted(other.name for other in path.parent.iterdir() if other != path)
    return f"saved: {path}" + (f", beside it {', '.join(beside)}" if beside else "")
