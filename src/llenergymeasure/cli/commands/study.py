"""`llem run` of a study: one line per run as it ends, and the answer at the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

from llenergymeasure import ExperimentResult, StudyConfig, StudyResult
from llenergymeasure._api.report import check_report, report_study
from llenergymeasure._api.study import Progressed, RunRow, Started, StudyOptions, resume_command, run_here, study_json
from llenergymeasure._api.study_text import run_line, study_text
from llenergymeasure.cli.options import RunOptions
from llenergymeasure.cli.terminal import Screen
from llenergymeasure.progress import Progress

FAILURE = 1


def command(study: StudyConfig, using: StudyOptions, progress: Progress, options: RunOptions) -> int:
    """Run the study and print it. Returns the exit code: 1 when a run failed."""
    if options.report:
        check_report()
    lines = Lines(sys.stderr, options.quiet, progress, _kept_flags(options))
    try:
        found = run_here(study, options.output, progress, replace(using, on_start=lines.started, on_row=lines.ended))
    except BaseException:
        lines.stopped()
        raise
    if (options.detach or options.emit) and cycles_left(found.runs):
        lines.left(found, is_submitted=options.detach)
        return 0
    screen = Screen(sys.stdout)
    screen.say(study_json(found).rstrip() if options.json else study_text(found, screen.emphasise, screen.width))
    lines.saved(found)
    if options.report and found.folder is not None:
        lines.reported(report_study(found, found.folder).page)
    return FAILURE if any(row.failure is not None for row in found.runs) else 0


def cycles_left(rows: Sequence[RunRow]) -> int:
    """The number of cycles that have a run without a result; each of them was submitted."""
    return len({row.cycle for row in rows if row.state != "completed"})


def _kept_flags(options: RunOptions) -> tuple[str, ...]:
    """The options that a study which is continued needs again."""
    given = {"--no-gaps": options.no_gaps, "--report": options.report}
    return (*(flag for flag, is_given in given.items() if is_given), *options.executor_flags)


class Lines:
    """Lines on stderr while a study runs; with the time where stderr is not a terminal.

    Args:
        stream: stderr.
        quiet: whether to print no line.
        progress: shows waits, which end before a line is printed.
        flags: options of the command that continues the study.
    """

    def __init__(self, stream: TextIO, quiet: bool, progress: Progress, flags: Sequence[str] = ()) -> None:
        self._stream, self._quiet, self._progress, self._flags = stream, quiet, progress, flags
        self._folder: Path | None = None
        self._labels: dict[str, str] = {}
        self._warned: set[str] = set()

    def started(self, started: Started) -> None:
        """The run table is frozen."""
        self._folder, self._labels = started.folder, dict(started.labels)
        rest = "" if started.left == started.total else f", {started.left} of them left"
        cells = "1 cell" if len(self._labels) == 1 else f"{len(self._labels)} cells"
        self._say(f"{cells}, {started.total} runs{rest}: {started.folder}")

    def ended(self, row: RunRow, result: ExperimentResult | None, progressed: Progressed) -> None:
        """A run has ended. The name of a warning is shown with the first run that has it, its sentence at the end."""
        self._say(run_line(row, self._labels[row.cell], progressed))
        new = [each.code for each in (result.warnings if result is not None else ()) if each.code not in self._warned]
        self._warned.update(new)
        if new:
            self._say(f"  new warnings: {', '.join(dict.fromkeys(new))}")

    def stopped(self) -> None:
        """The study was interrupted, or it stopped because a result could not be stored."""
        if self._folder is not None:
            Screen(self._stream).say(f"continue with: {self._command(self._folder)}", flush=True)

    def left(self, study: StudyResult, is_submitted: bool) -> None:
        """The cycles that are left go on without this process, or the user submits them."""
        if study.folder is not None:
            cycles = cycles_left(study.runs)
            unsent = f"{cycles} cycles are not submitted yet; submit the script, and then "
            before = f"submitted {cycles} cycles; " if is_submitted else unsent
            Screen(self._stream).say(f"{before}collect them with: {self._command(study.folder)}", flush=True)

    def _command(self, folder: Path) -> str:
        return " ".join([resume_command(folder), *self._flags])

    def saved(self, study: StudyResult) -> None:
        """The study has ended."""
        self._say(f"saved: {study.folder}")

    def reported(self, page: Path) -> None:
        """The report has been written."""
        self._say(f"report: {page}")

    def _say(self, text: str) -> None:
        if self._quiet:
            return
        self._progress.done()
        stamp = "" if self._stream.isatty() else f"{datetime.now(timezone.utc).isoformat(timespec='seconds')} "
        Screen(self._stream).say(f"{stamp}{text}", flush=True)
