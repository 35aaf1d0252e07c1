"""Writes the table as a page, with machine, date and missed targets."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence, Set
from datetime import date
from importlib import metadata
from pathlib import Path

from benchmarks.pairs import Line, Row
from llenergymeasure.core.machine.environment import take_snapshot

HEAD = """\
# Benchmarks

`{command}` writes this page, and all timings come from one run. A timing is the ratio or the difference of two things that are
measured alternately, pair by pair, on the same machine, so that changes of the machine affect both equally. The spread is the range
from the smallest to the largest value. A row with the target *peer* shows another tool with the same work.
"""
STUDY_HEAD = """\
# Detection rates of studies

This page shows how often the analysis of a study is right. Each rate comes from {studies} simulated studies with known effects.
Unless the row states something else, the studies have {cells} cells ({factors}) in {cycles} cycles, and
their runs vary by {cv} %. The spread is the 95 % interval of the rate. [What the numbers of a study mean](analysis.md) explains the
terms.

`{command}` writes this page.
"""
STREAMS_HEAD = """\
# How late a client takes the times of tokens

A client of a server under traffic takes the time of each token when it arrives. If the client has too much work, it takes that
time too late, and the latencies of the server look longer than they are. This page shows how late: the 99th percentile over all
tokens of {streams} streams with {rate:g} tokens/s each, for our client and for others (target *peer*).

A scripted server on a core of its own writes into each token the time at which it sent it; the client has another core. *Spread*:
the tokens are spread over time. *In step*: all streams have their next token at the same moment, as with continuous batching. Each
value is the median of {rounds} rounds, and the spread is the range from the smallest to the largest.

`{command}` writes this page.
"""
ABOUT_STUDIES = frozenset({"study_power", "study_size"})


def page(rows: Sequence[tuple[str, Row | Line]], load: float | None = None, command: str = "make bench") -> str:
    """Markdown of the rows, each with the benchmark that made it."""
    head = head_of({name for name, _ in rows}, command)
    parts = [head, machine(load), missed([row for _, row in rows if isinstance(row, Row)])]
    for name in dict.fromkeys(name for name, _ in rows):
        parts += section(name, [row for owner, row in rows if owner == name])
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def head_of(benchmarks: Set[str], command: str) -> str:
    """The introduction of a page about these benchmarks."""
    if benchmarks <= ABOUT_STUDIES:
        return study_head(command)
    if benchmarks == {"server_streams"}:
        return streams_head(command)
    return HEAD.format(command=command)


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


def streams_head(command: str) -> str:
    """The head of the page of clients, with the numbers of the benchmark."""
    from benchmarks.server_streams import GAP_S, ROUNDS, STREAMS  # late: only this page needs it

    return STREAMS_HEAD.format(command=command, streams=STREAMS, rate=1 / GAP_S, rounds=ROUNDS)


def section(name: str, rows: Sequence[Row | Line]) -> list[str]:
    """The figures of one benchmark as a table, then its free lines as they were printed."""
    figures = [line(row) for row in rows if isinstance(row, Row)]
    free = [row.text for row in rows if isinstance(row, Line)]
    head = "| figure | value | spread | target | |\n|---|---|---|---|---|\n"
    parts = [f"## {name}"]
    if figures:
        parts.append(head + "\n".join(figures))
    if free:
        parts.append("```\n" + "\n".join(free).strip("\n") + "\n```")
    return parts


def line(row: Row) -> str:
    """One row of the table."""
    outcome = "" if row.target in ("peer", "-") else "kept" if row.kept else "**missed**"
    name = row.name.replace("|", "\\|")
    return f"| {name} | {row.value:.3g} {row.unit} | {row.low:.3g} to {row.high:.3g} | {row.target} | {outcome} |"


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
