"""`llem run`: measures, saves and prints one experiment or a study."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from llenergymeasure import ExperimentConfig, ExperimentResult, StudyConfig
from llenergymeasure._api.request import Document, names_of, study_again, study_of
from llenergymeasure._api.run import Saved, is_silent_rank, json_text, notes_on_study, run, summarise
from llenergymeasure.cli.commands.source import document_of
from llenergymeasure.cli.display import progress_for
from llenergymeasure.cli.enter import EnterKey
from llenergymeasure.cli.interrupts import Attentive
from llenergymeasure.cli.options import FLAGS, RunOptions
from llenergymeasure.cli.terminal import Screen
from llenergymeasure.exceptions import ExperimentError
from llenergymeasure.progress import Progress


def command(options: RunOptions) -> int:
    """Measure, save, and print. Returns the exit code."""
    if options.resume and options.folder is None and options.config is not None and options.config.is_dir():
        options = replace(options, config=None, folder=options.config)
    document = document_of(options)
    study = _study(document, options)
    gc.freeze()  # what was imported is no garbage, and neither is what the backend imports: see importing_heavy
    gc.enable()  # the entry point disabled it while the command line started
    progress = Attentive(progress_for(options.quiet or is_silent_rank(os.environ)))
    if study.is_one_run and not options.resume:
        options.check_single()
        for note in notes_on_study(study):
            progress.note(note)
        return _one(study.experiments[0], progress, options)
    given = document.text if document is not None else ""
    return _run_study(study, given or None, progress, options)


def _run_study(study: StudyConfig, given: str | None, progress: Progress, options: RunOptions) -> int:
    from llenergymeasure._api.study import ExecutorOptions, StudyOptions, options_of  # noqa: PLC0415 - a single experiment does not need it
    from llenergymeasure.cli.commands import study as studies  # noqa: PLC0415 - as above

    using = StudyOptions(
        given=given,
        resume=options.folder or options.resume,
        gaps=not options.no_gaps,
        other_environment=options.other_environment,
        requested=names_of(options.fields, options.assignments or ()),
        executor=ExecutorOptions(
            options.executor,
            options.parallel,
            options.gpus_per_run,
            options_of(options.executor_options or ()),
            options.detach,
            options.emit,
            lambda script: Screen(sys.stdout).say(script.rstrip(), flush=True),
        ),
        skip=EnterKey(),
    )
    return studies.command(study, using, progress, options)


def _study(document: Document | None, options: RunOptions) -> StudyConfig:
    """The study of the command line, or of the folder that is continued."""
    settings = options.fields, options.assignments or (), options.sweeps or (), FLAGS
    if document is not None or options.folder is None:
        return study_of(document, *settings)
    return study_again(options.folder, *settings)


def _one(config: ExperimentConfig, progress: Progress, options: RunOptions) -> int:
    """Measure one experiment."""
    kept: list[ExperimentResult] = []
    screen = Screen(sys.stdout)

    def show(result: ExperimentResult) -> None:
        kept.append(result)
        if not options.json:
            screen.say(summarise(result, screen.emphasise), flush=True)

    def show_place(saved: Saved) -> None:
        kept[-1] = saved.result
        if not options.quiet:
            Screen(sys.stderr).say("\n".join(_places(saved.path, options.from_result)))

    try:
        run(
            config, output_dir=options.output, progress=progress, on_result=show, on_saved=show_place,
            export_csv=options.export_csv, report=options.report,
        )  # fmt: skip
    except ExperimentError as error:
        raise error.cause_for_user from error
    finally:
        if options.json and kept:
            screen.say(json_text(kept[-1]).rstrip())
    return 0


def _places(path: Path, repeated: Path | None) -> Iterator[str]:
    """The path of the result, the names of the other files in its folder, and how to compare a repeat with the first."""
    beside = sorted(other.name for other in path.parent.iterdir() if other != path)
    yield f"saved: {path}" + (f", beside it {', '.join(beside)}" if beside else "")
    if repeated is not None:
        from llenergymeasure._api.repeat import compare_command  # noqa: PLC0415 - only a repeat needs it

        yield f"compare with: {compare_command(repeated, path.parent)}"
