"""A sweep of 10,000 cells and one of 1,000: CPU seconds to build the cells, their factors and their hash, and the growth."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from benchmarks.pairs import Row
from llenergymeasure.config.files.yaml import Document
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.domain.study.factors import factors_and_cells

SIZES = (1_000, 10_000)
REPEATS = 5


def rows() -> Iterator[Row]:
    """Each step for the larger sweep, then the growth of the time with the number of cells."""
    loading = {cells: seconds(lambda cells=cells: load_study_config(sweep_of(cells))) for cells in SIZES}
    study: StudyConfig = load_study_config(sweep_of(SIZES[-1]))
    name = f"sweep of {SIZES[-1]:,} cells"
    yield row(f"{name}: built and validated, CPU", loading[SIZES[-1]], "s", "<= 2", 2)
    yield row(f"{name}: factors and labels, CPU", seconds(lambda: factors_and_cells(study.experiments)), "s", "<= 2", 2)
    yield row(f"{name}: design hash, CPU", seconds(lambda: study.study_design_hash), "s", "<= 2", 2)
    growth = min(loading[SIZES[-1]]) / min(loading[SIZES[0]]) / (SIZES[-1] / SIZES[0])
    yield row("growth of time over growth of cells", [growth], "x", "<= 1.5", 1.5)


def sweep_of(cells: int) -> Document:
    """A file with a sweep of five axes, with `cells` divided by 1,000 as the length of the first."""
    axes = {
        "n": list(range(1, cells // 1_000 + 1)),
        "precision": ["fp32", "bf16"],
        "pytorch.batch_size": list(range(1, 11)),
        "max_output_tokens": list(range(20, 30)),
        "decoder.repetition_penalty": [1.0, 1.1, 1.2, 1.3, 1.4],
    }
    return Document("the sweep", {"model": "builtin/tiny-llama", "sweep": axes}, {}, {})


def seconds(call: Callable[[], object]) -> list[float]:
    """CPU seconds of each of several calls, after one that is not counted."""
    found = []
    for _ in range(REPEATS + 1):
        start_s = time.process_time()
        call()
        found.append(time.process_time() - start_s)
    return found[1:]


def row(name: str, values: list[float], unit: str, target: str, limit: float) -> Row:
    return Row(
        name, statistics.median(values), min(values), max(values), unit, target, statistics.median(values) <= limit
    )
