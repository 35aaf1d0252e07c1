"""Error against truth on simulated GPUs and CPUs: our meters, Zeus and CodeCarbon, on the same scenarios in one run.

Every tool measures windows of 0.1 to 10 s on every waveform, at random phases of sensors and load. The same seeds are
used for all tools. The GPU is idle outside the window, with a ripple of 3 W. `--write FILE` writes the tables as a page.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from importlib import metadata
from pathlib import Path
from random import Random

from benchmarks import accuracy_cpu
from benchmarks.cells import SECONDS, Cell
from benchmarks.pairs import ROOT, Row
from benchmarks.peer_meters import Window, codecarbon, zeus
from benchmarks.simulated import Simulate, simulated_gpus
from nvmlsim import SimGpu
from nvmlsim.waves import WAVES
from scoring import CALL_COST_S, SENSORS, score, working

REPEATS = 15
# Largest error in percent, by sensors and length of the window. Decisions: a change that makes a meter worse must show.
# That of CPUs is a tenth of a tick of 1 ms, whatever the length of the window.
TARGETS = {
    "counter": {0.3: 1.0, 1.0: 1.0, 3.0: 0.3, 10.0: 0.3},
    "1 s average": {1.0: 5.0, 10.0: 1.0},
    "1 s average, partial": {1.0: 5.0, 10.0: 1.0},
    accuracy_cpu.SENSORS: {0.1: 0.1, 0.3: 0.03, 1.0: 0.01, 3.0: 0.003, 10.0: 0.001},
}
WHAT = {
    "counter": "energy counter",
    "1 s average": "no counter; instant power of all the time, 1 s average",
    "1 s average, partial": "no counter; instant power of 25 in 100 ms, 1 s average",
    "instant": "no counter, no average; instant power of all the time",
    "instant, partial": "no counter, no average; instant power of 25 in 100 ms",
    accuracy_cpu.SENSORS: "energy counters of two CPU packages and memory",
}


def cells(simulate: Simulate, repeats: int) -> Iterator[Cell]:
    """Every tool on the sensors that it supports: without a counter Zeus would start helper processes."""
    for sensors in SENSORS:
        yield from (ours(simulate, sensors, seconds, repeats) for seconds in SECONDS)
    yield from theirs(simulate, "zeus", "counter", repeats)
    yield from theirs(simulate, "codecarbon", "counter", repeats)
    yield from theirs(simulate, "codecarbon", "1 s average", repeats)
    yield from accuracy_cpu.cells(repeats)


def scenarios(sensors: str, seconds: float, repeats: int) -> Iterator[tuple[str, SimGpu, Random]]:
    for wave in WAVES:
        for number in range(repeats):
            random = Random(f"{sensors}, {wave}, {seconds}, {number}")
            yield wave, working(SENSORS[sensors](), wave, seconds, random), random


def ours(simulate: Simulate, sensors: str, seconds: float, repeats: int) -> Cell:
    cell = Cell("llenergymeasure", sensors, seconds, [], [], [])
    for wave, gpu, random in scenarios(sensors, seconds, repeats):
        with simulate(gpu, call_cost_s=CALL_COST_S).here() as sim:
            found = score(sim, seconds, random)
        cell.waves.append(wave)
        cell.errors.append(found.error)
        cell.stated.append(found.stated)
    return cell


def theirs(simulate: Simulate, tool: str, sensors: str, repeats: int) -> Iterator[Cell]:
    import pynvml

    with simulate(SENSORS[sensors]()).here():
        pynvml.nvmlInit()
        window: Window = {"zeus": zeus, "codecarbon": codecarbon}[tool]()
    for seconds in SECONDS:
        cell = Cell(tool, sensors, seconds, [], [], [])
        for wave, gpu, random in scenarios(sensors, seconds, repeats):
            with simulate(gpu, call_cost_s=CALL_COST_S).here() as sim:
                pynvml.nvmlInit()
                found_j, truth_j = window(sim, seconds, random)
                pynvml.nvmlShutdown()
            cell.waves.append(wave)
            cell.errors.append(found_j / truth_j - 1)
        yield cell


def rows_of(found: Sequence[Cell]) -> Iterator[Row]:
    """The figures with a target, and those of other tools."""
    yield from (error_row(cell) for cell in found)
    for sensors in TARGETS:
        own = [cell for cell in found if (cell.tool, cell.sensors) == ("llenergymeasure", sensors)]
        covered = sum(cell.covered for cell in own) / len(own)
        low, high = min(cell.covered for cell in own), max(cell.covered for cell in own)
        yield Row(f"windows that are covered, {sensors}", covered, low, high, "%", ">= 95", covered >= 95)
        widths = sorted(cell.width for cell in own)
        yield Row(
            f"stated over p95 of the error, {sensors}", widths[-1], widths[0], widths[-1], "x", "<= 3", widths[-1] <= 3
        )


def error_row(cell: Cell) -> Row:
    """The largest error for our meter, the 95th percentile for the others, with the range of all errors."""
    low, high = 100 * min(cell.errors), 100 * max(cell.errors)
    if cell.tool != "llenergymeasure":
        return Row(f"error p95, {cell.name}", cell.size(0.95), low, high, "%", "peer", True)
    limit = TARGETS.get(cell.sensors, {}).get(cell.seconds)
    target = "-" if limit is None else f"<= {limit:g}"
    return Row(f"error, {cell.name}", cell.size(1.0), low, high, "%", target, limit is None or cell.size(1.0) <= limit)


def rows() -> Iterator[Row]:
    """Run in a separate process: the simulated NVML and CodeCarbon's clock must not affect other code."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cells.json"
        subprocess.run([sys.executable, "-m", "benchmarks.accuracy", "--json", str(path)], cwd=ROOT, check=True)
        yield from rows_of([Cell(**values) for values in json.loads(path.read_text(encoding="utf-8"))])


def page(found: Sequence[Cell]) -> str:
    """The tables of the documentation."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("llenergymeasure", "zeus", "codecarbon"))
    windows = len(found[0].errors)
    head = [
        "<!-- written by: python -m benchmarks.accuracy --write docs/accuracy-table.md -->",
        "# Errors against truth",
        f"{date.today().isoformat()}, simulated GPUs and CPUs, Python {platform.python_version()}, {versions}. {windows} windows "
        f"per cell, {len(WAVES)} waveforms: {', '.join(WAVES)}. Each cell: bias / 95th percentile / largest error in percent.",
    ]
    lengths = [f"{seconds:g} s" for seconds in SECONDS]
    sizes = [
        [
            *key_of(cell),
            *(f"{percent(c.bias, '+')} / {percent(c.size(0.95))} / {percent(c.size(1))}" for c in same(found, cell)),
        ]
        for cell in found
        if cell.seconds == SECONDS[0]
    ]
    own = [cell for cell in found if cell.tool == "llenergymeasure"]
    stated = [
        [WHAT[cell.sensors], *(f"{c.covered:.0f} % / {c.width:.1f}" for c in same(own, cell))]
        for cell in own
        if cell.seconds == SECONDS[0]
    ]
    one_second = [cell for cell in found if cell.seconds == 1.0 and cell.sensors in ("counter", "1 s average, partial")]
    by_wave = [[wave, *(f"{of_wave(cell, wave):.2f}" for cell in one_second)] for wave in WAVES]
    return "\n\n".join(
        [
            *head,
            table(["tool", "sensors", *lengths], sizes),
            "## The stated uncertainty",
            "Share of windows whose stated uncertainty (without gain) covers the truth / its median over the 95th percentile "
            "of the errors.",
            table(["sensors", *lengths], stated),
            "## By waveform",
            "Largest error in percent in windows of 1 s.",
            table(["waveform", *(f"{cell.tool}, {WHAT[cell.sensors].split(';')[0]}" for cell in one_second)], by_wave),
        ]
    ) + "\n"  # fmt: skip


def percent(value: float, sign: str = "") -> str:
    """Two decimals, or four for small values."""
    return f"{value:{sign}.{2 if abs(value) >= 0.05 else 4}f}"


def key_of(cell: Cell) -> tuple[str, str]:
    return cell.tool, WHAT[cell.sensors]


def same(found: Sequence[Cell], cell: Cell) -> list[Cell]:
    """The cells of one tool on one kind of sensors."""
    return [other for other in found if key_of(other) == key_of(cell)]


def of_wave(cell: Cell, wave: str) -> float:
    return 100 * max(abs(error) for error, name in zip(cell.errors, cell.waves) if name == wave)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(cells_) + " |" for cells_ in [head, ["---"] * len(head), *lines])


def main(arguments: Sequence[str] | None = None) -> int:
    """Score everything; exit code 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=REPEATS, help="windows per waveform and cell")
    parser.add_argument("--json", type=Path, help="write every error")
    parser.add_argument("--write", type=Path, help="write the tables as a page")
    options = parser.parse_args(arguments)
    with simulated_gpus() as simulate:
        found = list(cells(simulate, options.repeats))
    if options.json:
        options.json.write_text(json.dumps([asdict(cell) for cell in found]), encoding="utf-8")
        return 0
    if options.write:
        options.write.write_text(page(found), encoding="utf-8")
    lines = list(rows_of(found))
    print("\n".join(map(str, lines)))
    return 0 if all(row.kept for row in lines) else 1


if __name__ == "__main__":
    raise SystemExit(main())
