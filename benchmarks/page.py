"""Writes the table as a page, with machine, date and missed targets."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib import metadata
from pathlib import Path

from benchmarks.pairs import Line, Row
from llenergymeasure.core.machine.environment import take_snapshot

HEAD = """\
# Benchmarks

`{command}` writes this page, and all timings come from one run. A timing is the ratio or the difference of two things that are
measured alternately, pair by pair, on the same machine, so that changes of the machine affect both equally. The spread is the range
from the smallest to the largest value. A row with the target *peer* shows another tool with the same work. A row with `-` has no
target.
"""
STUDY_HEAD = """\
# Detection rates of studies

This page shows how often the analysis of a study is right. Each rate comes from {studies} simulated studies with known effects.
Unless the row states something else, the studies have {cells} cells ({factors}) in {cycles} cycles, and
their runs vary by {cv} %. The spread is the 95 % interval of the rate. [What the numbers of a study mean](analysis.md) explains the
terms.

`{command}` writes this page.
"""
# What the figures of a benchmark mean, where their names do not say it.
NOTES = {
    "server_streams": """\
How late a client takes the time of a token: the 99th percentile over all tokens of 500 streams. Each stream has 200 tokens, 50 in a
second. A scripted server writes the time of sending into each token; client and server have one core each. *Staggered*: the tokens
are spread over time. *In step*: all streams have their next token at the same moment, as with continuous batching. The value is the
median of three rounds, in which the clients are measured in turn; the spread is from the smallest to the largest.
""",
}
ABOUT_STUDIES = frozenset({"study_power", "study_size"})


def page(rows: Sequence[tuple[str, Row | Line]], load: float | None = None, command: str = "make bench") -> str:
    """Markdown of the rows, each with the benchmark that made it."""
    of_studies = {name for name, _ in rows} <= ABOUT_STUDIES
    head = study_head(command) if of_studies else HEAD.format(command=command)
    parts = [head, machine(load), missed([row for _, row in rows if isinstance(row, Row)])]
    for name in dict.fromkeys(name for name, _ in rows):
        parts += section(name, [row for owner, row in rows if owner == name])
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def study_head(command: str) -> str:
    """The head of the page of studies, with the numbers of the simulation."""
    from benchmarks.simulated_study import Simulation  # late: the other benchmarks begin with little memory
    from benchmarks.study_power import DESIGN, STUDIES, nothing

    usual = Simulation(DESIGN, nothing)
    return STUDY_HEAD.format(
        command=command,
        studies=f"{STUDIES:,}",
        cells=len(DESIGN.cells),
        factors=", ".join(f"{factor.name} with {len(factor.levels)} levels" for factor in DESIGN.factors),
        cycles=usual.n_cycles,
        cv=f"{100 * usual.machine.cv:g}",
    )


def section(name: str, rows: Sequence[Row | Line]) -> list[str]:
    """The figures of one benchmark as a table, then its free lines as they were printed."""
    figures = [line(row) for row in rows if isinstance(row, Row)]
    free = [row.text for row in rows if isinstance(row, Line)]
    head = "| figure | value | spread | target | |\n|---|---|---|---|---|\n"
    parts = [f"## {name}", *([NOTES[name].strip()] if name in NOTES else [])]
    if figures:
        parts.append(head + "\n".join(figures))
    if free:
        parts.append("```\n" + "\n".join(free).strip("\n") + "\n```")
    return parts


def line(row: Row) -> str:
    """One row of the table."""
    target, name = row.target or "-", row.name.replace("|", "\\|")
    outcome = "" if target in ("peer", "-") else "kept" if row.kept else "**missed**"
    return (
        f"| {name} | {digits(row.value)} {row.unit} | {digits(row.low)} to {digits(row.high)} | {target} | {outcome} |"
    )


def digits(value: float) -> str:
    """A number with three significant digits, a large one without an exponent: `0.0833`, `4800`."""
    return f"{float(f'{value:.3g}'):g}"


def missed(rows: Sequence[Row]) -> str:
    """A sentence about the targets."""
    names = [row.name for row in rows if not row.kept]
    if not names:
        return "Every target was kept."
    return f"{len(names)} of {len(rows)} figures missed their target: {'; '.join(names)}."


def machine(load: float | None) -> str:
    """The machine and the versions."""
    snapshot = take_snapshot()
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "transformers", "zeus", "codecarbon"))
    gpus = ", ".join(gpu.name for gpu in snapshot.gpus) or "no GPU"
    busy = "" if load is None else f", load average {load:.2g} at the start"
    return (
        f"{date.today().isoformat()}: {snapshot.cpu_model or 'unknown CPU'}, {os.cpu_count()} cores, {gpus}{busy}; "
        f"Python {platform.python_version()}, {versions}, llenergymeasure {snapshot.tool_version}."
    )


def write(path: Path, rows: Sequence[tuple[str, Row | Line]], load: float | None, command: str) -> None:
    """Write the page."""
    path.write_text(page(rows, load, command), encoding="utf-8")
