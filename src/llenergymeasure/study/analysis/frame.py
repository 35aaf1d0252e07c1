"""The runs of one metric that can be compared, and why the others are left out."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from llenergymeasure.domain.metrics import METRICS, Metric
from llenergymeasure.domain.study.design import Cell, StudyDesign
from llenergymeasure.domain.study.runs import RunRow

# Totals of the window. They are divided by the number of passes over the prompts, which differs between cells.
TOTALS = frozenset({
    "energy_total_j", "energy_adjusted_j", "duration_sec", "cpu_seconds", "n_prompts", "input_tokens", "output_tokens",
    "flops_total", "flops_exact",
})  # fmt: skip

NOT_MEASURED = "the metric was not measured in this run"
NOT_POSITIVE = "the cell has a run whose value is not above zero, so that it has no logarithm"
APART = "its cell shares no cycle with the other cells"

Kind = tuple[str | None, bool]
"""Name of the energy meter, and whether its energy is an estimate."""


@dataclass(frozen=True)
class Frame:
    """Runs that are in one fit.

    Attributes:
        metric: the metric.
        rows: the runs.
        cells: the cells that have a run, in the order of the design.
        blocks: names of the blocks, in the order of the runs.
        logs: logarithm of the value of each run; of totals, per pass.
        left_out: ids of completed runs that are not in the fit, and why.
    """

    metric: Metric
    rows: tuple[RunRow, ...]
    cells: tuple[Cell, ...]
    blocks: tuple[str, ...]
    logs: tuple[float, ...]
    left_out: dict[str, str]

    @cached_property
    def position(self) -> dict[str, int]:
        """Place of each cell in `cells` by its id."""
        return {cell.id: place for place, cell in enumerate(self.cells)}

    @property
    def per_pass(self) -> bool:
        """Whether values were divided by a number of passes."""
        return self.metric.name in TOTALS and any((row.n_passes or 1) > 1 for row in self.rows)

    @property
    def estimated(self) -> bool:
        """Whether the values are estimates of energy."""
        return self.metric.joules and self.rows[0].energy_estimated

    @property
    def uncertainty(self) -> float:
        """Median relative standard uncertainty of the readings; 0 where none is known."""
        name = self.metric.name
        known = sorted(
            row.uncertainties[name] / (row.values[name] or 1) for row in self.rows if name in row.uncertainties
        )
        return known[len(known) // 2] if known else 0.0


def completed(rows: Iterable[RunRow]) -> list[RunRow]:
    """The rows of the grid with a result."""
    return [row for row in rows if row.state == "completed" and row.role == "cell"]


def per_pass(row: RunRow, name: str) -> float | None:
    """The value of a metric; of a total, per pass over the prompts. None = not measured."""
    value = row.values.get(name)
    return value / (row.n_passes or 1) if value is not None and name in TOTALS else value


def energy_kind(rows: Sequence[RunRow]) -> Kind | None:
    """The kind of energy that is analysed: that of the most cells, measured before estimated; None without energy."""
    cells: dict[Kind, set[str]] = defaultdict(set)
    for row in rows:
        if any(row.values.get(metric.name) is not None for metric in METRICS.values() if metric.joules):
            cells[row.meter, row.energy_estimated].add(row.cell)
    return max(cells, key=lambda kind: (len(cells[kind]), not kind[1]), default=None)


def frame(design: StudyDesign, metric: Metric, rows: Sequence[RunRow], kind: Kind | None) -> Frame | None:
    """The runs of a metric; None if it was not measured or no value has a logarithm.

    Args:
        design: the cells.
        metric: the metric.
        rows: the completed runs.
        kind: the kind of energy that is analysed.
    """
    left_out: dict[str, str] = {}
    measured = [row for row in rows if _is_measured(row, metric, kind, left_out)]
    if not measured:
        return None
    below = {row.cell for row in measured if (row.values[metric.name] or 0) <= 0}
    positive = [row for row in measured if row.cell not in below]
    left_out |= {row.run_id: NOT_POSITIVE for row in measured if row.cell in below}
    kept = _comparable(positive, design.reference)
    left_out |= {row.run_id: APART for row in positive if row.cell not in kept}
    used = tuple(row for row in positive if row.cell in kept)
    if not used:
        return None
    return Frame(
        metric,
        used,
        tuple(cell for cell in design.cells if cell.id in kept),
        _blocks(used, len(kept)),
        tuple(math.log(per_pass(row, metric.name) or 1) for row in used),
        left_out,
    )


def _is_measured(row: RunRow, metric: Metric, kind: Kind | None, left_out: dict[str, str]) -> bool:
    if row.values.get(metric.name) is None:
        left_out[row.run_id] = NOT_MEASURED
    elif metric.joules and (row.meter, row.energy_estimated) != kind:
        left_out[row.run_id] = f"its energy is {'an estimate ' if row.energy_estimated else ''}from {row.meter}"
    else:
        return True
    return False


def _blocks(rows: Sequence[RunRow], n_cells: int) -> tuple[str, ...]:
    """The blocks; one for all runs of a single cell, because nothing is compared inside a cycle."""
    return tuple(row.block for row in rows) if n_cells > 1 else ("all",) * len(rows)


def _comparable(rows: Sequence[RunRow], reference: str) -> set[str]:
    """The cells that are linked by common blocks; of several such sets that with the most cells, then the reference's."""
    cells_of: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        cells_of[row.block].add(row.cell)
    linked: list[set[str]] = []
    for cells in sorted(cells_of.values(), key=len, reverse=True):
        if linked and cells <= linked[0]:
            continue
        touching = [each for each in linked if each & cells]
        linked = [cells.union(*touching), *(each for each in linked if not each & cells)]
    return max(linked, key=lambda each: (len(each), reference in each), default=set())


def runs_per_cell(rows: Iterable[RunRow]) -> Counter[str]:
    """Number of completed runs by id of the cell."""
    return Counter(row.cell for row in completed(rows))
