"""Output for GitHub Actions: a table in the step summary and annotations at the tests. All text is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_llem.measure.record import Record
from pytest_llem.stash import State
from pytest_llem.verdict.verdict import FAILING
from pytest_llem.verdict.wording import failure_message

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
    if is_github(environ) and place and any(record.runs for record in state.records.values()):
        with Path(place).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(summary(state))


def summary(state: State) -> str:
    """One row per experiment, in Markdown."""
    rows = ["### LLM energy", "", "| verdict | metric | numbers | change | test |", "|---|---|---|---|---|"]
    for record in state.records.values():
        for run in record.runs:
            if run.measured:
                worst = run.found.worst
                cells = ("", "", "") if worst is None else (worst.metric, worst.numbers, worst.change)
                rows.append(f"| {' | '.join(map(cell, (run.verdict, *cells, run.plan.test_id)))} |")
    return "\n".join([*rows, "", ""])


def cell(text: str) -> str:
    """Text that stays within its cell, with Markdown and HTML escaped."""
    flat = _CONTROL.sub(" ", " ".join(text.split()))
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&$@-])", lambda match: f"&#{ord(match[1])};", flat)


def commands(state: State) -> Iterator[str]:
    """Workflow commands: an error for each failed verdict, a warning for each experiment without a clear one."""
    for record in state.records.values():
        for run in record.runs:
            if not run.measured:
                continue
            verdict = run.found
            if record.gate_failed and (verdict.kind in FAILING or record.outcome == "failed"):
                yield command("error", record, failure_message(verdict, verdict.judgements))
            elif verdict.kind in ("inconclusive", "not-measured", "not-comparable", "stale"):
                reason = verdict.worst.reason if verdict.worst else verdict.reason
                yield command("warning", record, f"{verdict.kind}: {reason}")


def command(level: str, record: Record, message: str) -> str:
    """One annotation."""
    where = f"file={_property(record.file)},line={record.line},title={_property(f'llem: {record.test}')}"
    return f"::{level} {where}::{_data(message)}"


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return _CONTROL.sub(" ", escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
