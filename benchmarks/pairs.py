"""Measures two things alternately, A B A B ..., and compares them pair by pair: changes of the machine affect both equally."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PAIRS = 7
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Row:
    """One line of the table: a ratio or difference with its spread, and its target."""

    name: str
    value: float
    low: float
    high: float
    unit: str
    target: str
    kept: bool

    def __str__(self) -> str:
        spread = f"{self.low:.3g} to {self.high:.3g}"
        return f"{self.name:<58} {self.value:>8.3g} {self.unit:<3} {spread:<18} {self.target:<10} {'ok' if self.kept else 'MISSED'}"


@dataclass(frozen=True)
class Line:
    """A line of the wide table, without a target."""

    text: str
    kept: bool = True

    def __str__(self) -> str:
        return self.text


def alternate(first: Callable[[], float], second: Callable[[], float], pairs: int = PAIRS) -> list[tuple[float, float]]:
    """Results of both, pair by pair; each pair begins with the other one."""
    found = []
    for index in range(pairs):
        if index % 2:
            b = second()
            found.append((first(), b))
        else:
            a = first()
            found.append((a, second()))
    return found


def ratio_row(name: str, pairs: Sequence[tuple[float, float]], target: str, kept: Callable[[float], bool]) -> Row:
    """The median of first over second."""
    ratios = [a / b for a, b in pairs]
    middle = statistics.median(ratios)
    return Row(name, middle, min(ratios), max(ratios), "x", target, kept(middle))


def difference_row(
    name: str, pairs: Sequence[tuple[float, float]], unit: str, target: str, kept: Callable[[float], bool]
) -> Row:
    """The median of first minus second."""
    differences = [a - b for a, b in pairs]
    middle = statistics.median(differences)
    return Row(name, middle, min(differences), max(differences), unit, target, kept(middle))


@dataclass(frozen=True)
class Finished:
    """A process that ended: wall and CPU seconds, and its peak resident set in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def run_process(command: Sequence[str], cwd: Path = ROOT) -> Finished:
    """Run a command to its end by the system's own accounting.

    Raises:
        RuntimeError: it failed.
    """
    start_s = time.perf_counter()
    process = subprocess.Popen(
        list(command),
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**as_users_have_it(os.environ), "HF_HUB_OFFLINE": "1"},
    )
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - start_s
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} exited with {process.returncode}: {said[-800:]}")
    # In KiB; in bytes on macOS.
    peak_mb = usage.ru_maxrss / 1e6 if sys.platform == "darwin" else usage.ru_maxrss * 1024 / 1e6
    return Finished(wall_s, usage.ru_utime + usage.ru_stime, peak_mb)


def as_users_have_it(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without a variable of some build machines that disables compiled modules."""
    return {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
