"""Output for GitHub Actions: a table in the step summary and annotations at the tests. All text is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pytest_llem.measure.judged import Judged
from pytest_llem.measure.record import Record
from pytest_llem.report.all_warnings import Shown, all_warnings
from pytest_llem.stash import State
from pytest_llem.verdict.verdict import Judgement, Verdict

# Verdicts that pass, but answer nothing: they are annotated as warnings.
_UNCLEAR = frozenset({"inconclusive", "not-measured", "not-comparable", "stale", "new"})
_LONGEST_CAUSE = 500
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def is_github(environ: Mapping[str, str]) -> bool:
    """Whether this is a job of GitHub Actions."""
    return environ.get("GITHUB_ACTIONS") == "true"


def write_summary(state: State, environ: Mapping[str, str]) -> None:
    """Add the table to the step summary of GitHub Actions if there is one.

    Raises:
        OSError: the file cannot be written.
    """
    place = environ.get("GITHUB_STEP_SUMMARY")
    rows = list(_rows(state)) if is_github(environ) and place else []
    if place and rows:
        with Path(place).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(table(rows) + warnings_list(all_warnings(state.runs)))


def warnings_list(found: Sequence[Shown]) -> str:
    """The warnings of all experiments in Markdown, folded; empty without one."""
    if not found:
        return ""
    items = "\n".join(f"- {cell(str(each))}" for each in found)
    return f"<details><summary>{len(found)} warnings</summary>\n\n{items}\n\n</details>\n\n"


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows in Markdown."""
    names = ("verdict", "metric", "numbers", "change", "cause", "test")
    lines = [f"| {' | '.join(map(cell, row))} |" for row in rows]
    return "\n".join(["### LLM energy", "", f"| {' | '.join(names)} |", "|---" * len(names) + "|", *lines, "", ""])


def _rows(state: State) -> Iterator[tuple[str, ...]]:
    """One row per limited metric, the worst of a test first, and one per test that failed for another reason than a verdict."""
    for record in state.records.values():
        for run in record.runs:
            if run.measured:
                yield from _rows_of(run)
        if record.red_otherwise:
            yield record.outcome or "interrupted", "", "", "", record.cause[:_LONGEST_CAUSE], record.test


def _rows_of(run: Judged) -> Iterator[tuple[str, ...]]:
    worst = run.found.worst
    cause = "; ".join(_causes(run))
    if worst is None:
        yield run.verdict, "", "", "", cause, run.title
        return
    yield *_cells(worst), cause, run.title
    for each in run.found.others:
        yield *_cells(each), "" if each.reason == worst.reason else each.reason, run.title


def _cells(judgement: Judgement) -> tuple[str, ...]:
    return judgement.kind, judgement.metric, f"{judgement.numbers}; limit {judgement.limit}", judgement.change


def _causes(run: Judged) -> Iterator[str]:
    """What a reader needs beside the numbers: the reason, the second look, changes since the baseline, whether it is simulated."""
    verdict = run.found
    simulated = "simulated: recorded joules" if run.simulated else ""
    texts = (_reason(verdict), verdict.remeasured, *verdict.notes, simulated)
    yield from dict.fromkeys(text for text in texts if text)


def _reason(verdict: Verdict) -> str:
    return verdict.worst.reason if verdict.worst else verdict.reason


def cell(text: str) -> str:
    """Text that stays within its cell, with Markdown and HTML escaped."""
    flat = _CONTROL.sub(" ", " ".join(text.split()))
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&$@-])", lambda match: f"&#{ord(match[1])};", flat)


def commands(state: State, environ: Mapping[str, str], problems: Iterable[str]) -> Iterator[str]:
    """Workflow commands: an error for each failed test and each problem of the run, a warning for each experiment without a clear
    verdict.
    """
    for record in state.records.values():
        file = _in_repository(record.path, environ)
        for run in record.runs:
            if run.measured:
                yield from _about(state, record, run, file)
        if record.red_otherwise:
            yield command("error", file, record.line, record.test, record.cause)
    yield from (f"::error title=llem::{_data(problem)}" for problem in problems)


def _about(state: State, record: Record, run: Judged, file: str) -> Iterator[str]:
    verdict, settings = run.found, state.settings
    warnings = [f"  warning {each}" for each in run.warnings]
    if run.gate_failed:
        failed = verdict.failures(settings.strict, settings.inconclusive)
        text = "\n".join([run.failure_message(failed or verdict.judgements), *warnings])
        # A test that expects the failure, or catches it, is not red.
        yield command("error" if record.is_red else "warning", file, record.line, run.title, text)
    elif verdict.kind in _UNCLEAR:
        text = "\n".join([f"{verdict.kind}: {_reason(verdict)}", *warnings])
        yield command("warning", file, record.line, run.title, text)


def _in_repository(path: Path, environ: Mapping[str, str]) -> str:
    """The path as GitHub finds it: relative to the checkout, wherever pytest was started."""
    workspace = environ.get("GITHUB_WORKSPACE")
    if workspace:
        for one, base in ((path, Path(workspace)), (path.resolve(), Path(workspace).resolve())):
            if one.is_relative_to(base):
                return one.relative_to(base).as_posix()
    return path.as_posix()


def command(level: str, file: str, line: int, test: str, message: str) -> str:
    """One annotation."""
    where = f"file={_property(file)},line={line},title={_property(f'llem: {test}')}"
    return f"::{level} {where}::{_data(message)}"


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return _CONTROL.sub(" ", escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
