"""The runs of one metric that can be compared, and why the others are left out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from llenergymeasure.domain.energy import EnergySource
from llenergymeasure.domain.metrics import METRICS, Metric
from llenergymeasure.domain.study.design import Cell, StudyDesign
from llenergymeasure.domain.study.runs import RunRow

NOT_MEASURED = "the metric was not measured in this run"
NOT_POSITIVE = "the cell has a run whose value is not above zero, so that it has no logarithm"
WINDOWED = "a total of a window inside the traffic of a server: windows hold different amounts of work"
APART = "its cell shares no cycle with the other cells"

_CALLED = {"estimated": "an estimate ", "replayed": "simulated, "}

Kind = tuple[str | None, EnergySource | None]
"""Name of the energy meter, and whether its energy was measured, is an estimate or was replayed."""


@dataclass(frozen=True)
class Runs:
    """Runs that can be compared with each other. Metrics that have the same runs share it.

    Attributes:
        places: places of the runs among all that are analysed.
        rows: the runs.
        cells: the cells that have a run, in the order of the design.
        blocks: names of the blocks, in the order of the runs.
        apart: ids of runs whose cells cannot be compared with these.
    """

    places: tuple[int, ...]
    rows: tuple[RunRow, ...]
    cells: tuple[Cell, ...]
    blocks: tuple[str, ...]
    apart: tuple[str, ...]

    @cached_property
    def position(self) -> dict[str, int]:
        """Place of each cell in `cells` by its id."""
        return {cell.id: place for place, cell in enumerate(self.cells)}

    @cached_property
    def passes(self) -> tuple[int, ...]:
        """Number of passes over the prompts of each run."""
        return tuple(row.n_passes or 1 for row in self.rows)

    @cached_property
    def uncertainty(self) -> float | None:
        """Median relative standard uncertainty of the energy without that of the gain; None where none is known."""
        known = [row.reading_uncertainty for row in self.rows if row.reading_uncertainty is not None]
        return median(known) if known else None


@dataclass(frozen=True)
class Frame:
    """The runs of one metric.

    Attributes:
        metric: the metric.
        runs: the runs.
        logs: logarithm of the value of each run; of totals, per pass.
        left_out: ids of completed runs that are not in the fit, and why.
    """

    metric: Metric
    runs: Runs
    logs: tuple[float, ...]
    left_out: dict[str, str]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that have a run."""
        return self.runs.cells

    @property
    def per_pass(self) -> bool:
        """Whether values were divided by a number of passes."""
        return self.metric.total and max(self.runs.passes) > 1

    @property
    def estimated(self) -> bool:
        """Whether the values are estimates of energy."""
        return self.metric.joules and self.runs.rows[0].energy_estimated

    @property
    def uncertainty(self) -> float | None:
        """Median relative standard uncertainty of the readings without that of the gain; None where none is known."""
        return self.runs.uncertainty if self.metric.joules else None


def completed(rows: Iterable[RunRow]) -> list[RunRow]:
    """The rows of the grid with a result."""
    return [row for row in rows if row.state == "completed" and row.role == "cell"]


def energy_kind(rows: Sequence[RunRow]) -> Kind | None:
    """The kind of energy that is analysed: that of the most cells, measured before estimated; None without energy."""
    cells: dict[Kind, set[str]] = defaultdict(set)
    of_energy = [metric.name for metric in METRICS.values() if metric.joules]
    for row in rows:
        if any(row.values.get(name) is not None for name in of_energy):
            cells[_kind(row)].add(row.cell)
    return max(cells, key=lambda kind: (len(cells[kind]), kind[1] == "measured"), default=None)


class Frames:
    """Makes the frame of each metric."""

    def __init__(self, design: StudyDesign, rows: Sequence[RunRow]) -> None:
        kind = energy_kind(rows)
        self._design, self._rows = design, rows
        columns = zip(*(tuple(map(row.values.get, METRICS)) for row in rows))  # reading each row once takes less time
        self._values: dict[str, tuple[float | None, ...]] = dict(zip(METRICS, columns))
        self._of_other_energy = {row.run_id: _from(row) for row in rows if _kind(row) != kind}
        of_cells = {cell.id for cell in design.cells if cell.config.is_windowed}
        self._windowed = {row.run_id: WINDOWED for row in rows if row.cell in of_cells}
        self._known: dict[frozenset[str], Runs] = {}

    def of(self, metric: Metric) -> Frame | None:
        """The runs of a metric; None if it was not measured, or no cell has a logarithm of it."""
        values = self._values.get(metric.name, ())
        left_out = self._left_out(metric, values)
        runs = self._runs(frozenset(left_out))
        if not runs.rows:
            return None
        return Frame(metric, runs, _logs(runs, values, metric), left_out | dict.fromkeys(runs.apart, APART))

    def _left_out(self, metric: Metric, values: Sequence[float | None]) -> dict[str, str]:
        """Runs without a value that can be compared, and why."""
        found = {row.run_id: NOT_MEASURED for row, value in zip(self._rows, values) if value is None}
        if metric.joules:
            found |= self._of_other_energy
        if metric.total:
            found |= self._windowed
        below = {row.cell for row, value in zip(self._rows, values) if value is not None and value <= 0}
        return found | {row.run_id: NOT_POSITIVE for row in self._rows if row.cell in below} if below else found

    def _runs(self, left_out: frozenset[str]) -> Runs:
        if left_out not in self._known:
            rows = [(place, row) for place, row in enumerate(self._rows) if row.run_id not in left_out]
            kept = _comparable([row for _, row in rows], self._design.reference)
            places = tuple(place for place, row in rows if row.cell in kept)
            used = tuple(self._rows[place] for place in places)
            cells = tuple(cell for cell in self._design.cells if cell.id in kept)
            apart = tuple(row.run_id for _, row in rows if row.cell not in kept)
            self._known[left_out] = Runs(places, used, cells, _blocks(used, len(kept)), apart)
        return self._known[left_out]


def _kind(row: RunRow) -> Kind:
    return row.meter, row.energy_source


def _from(row: RunRow) -> str:
    if row.meter is None:
        return NOT_MEASURED
    return f"its energy is {_CALLED.get(row.energy_source or '', '')}from {row.meter}"


def _logs(runs: Runs, values: Sequence[float | None], metric: Metric) -> tuple[float, ...]:
    used = [value for place in runs.places if (value := values[place]) is not None]
    if metric.total:  # as `per_pass` does, which takes longer for each row
        used = [value / n_passes for value, n_passes in zip(used, runs.passes)]
    return tuple(map(math.log, used))


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
