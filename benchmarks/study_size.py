"""The time and memory that the analysis of a large study takes: 10,000 cells of six factors, five cycles, all metrics."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.pairs import ROOT, Row
from benchmarks.simulated_study import grid, protocol, run_row
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.study.analysis.analyse import analyse

SHAPE, N_CYCLES = (10, 10, 5, 5, 2, 2), 5
MOST_SECONDS, MOST_MB = 10, 1024


def rows() -> Iterator[Row]:
    """CPU time of the analysis, and peak memory of its process with all rows."""
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.study_size"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, ran.stdout.split())
    name = f"analysis of {math.prod(SHAPE):,} x {N_CYCLES} runs, {len(SHAPE)} factors, {len(METRICS)} metrics"
    yield _row(f"{name}: CPU", seconds, "s", MOST_SECONDS)
    yield _row("the same: peak memory of the process", megabytes, "MB", MOST_MB)


def _row(name: str, value: float, unit: str, most: float) -> Row:
    return Row(name, value, value, value, unit, f"<= {most:g}", value <= most)


def large_study() -> tuple[StudyDesign, list[RunRow]]:
    """A design, and its runs with all metrics."""
    design, chance = grid({f"factor{number}": range(n) for number, n in enumerate(SHAPE)}), random.Random(1)
    runs = []
    for cycle in range(1, N_CYCLES + 1):
        for cell in chance.sample(design.cells, len(design.cells)):
            log = 0.1 * cell.levels["factor0"] + 0.03 * cell.levels["factor2"]
            values = {name: math.exp(log + chance.gauss(0, 0.02)) for name in METRICS}
            runs.append(run_row(cell.id, cycle, len(runs) + 1, values))
    return design, runs


def main() -> None:
    """Print the CPU seconds and the peak memory in MB."""
    import resource

    design, runs = large_study()
    start_s = time.process_time()
    analyse(design, runs, protocol(N_CYCLES))
    print(time.process_time() - start_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
