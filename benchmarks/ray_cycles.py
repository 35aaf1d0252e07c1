"""What the executor `ray` adds to a cycle: from the task to its end, over an actor of Ray alone that starts the same program.

It runs in .venv-ray; without it there is no figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.environments import found_in
from benchmarks.pairs import ROOT, Line, Row, difference_row

PYTHON = ROOT / ".venv-ray" / "bin" / "python"
NOT_RUN = "ray_cycles: not run: make ray first"
NAME = "ray: a cycle with a worker that does nothing, over a bare actor"
PAIRS = 7


def rows(python: Path = PYTHON) -> Iterator[Row | Line]:
    """The row; one line with the reason where Ray is not installed."""
    if not python.exists():
        yield Line(NOT_RUN)
        return
    found = found_in(python, "benchmarks.ray_pairs", PAIRS)
    yield difference_row(NAME, found["cycles"], "s", "<= 2", lambda x: x <= 2)
    yield Line(f"in .venv-ray: ray {found['version']}")
