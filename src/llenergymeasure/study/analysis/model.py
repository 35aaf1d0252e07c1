"""The fit of one metric: means of cells with cycles as blocks, on logs and on ranks, with the error of each effect."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from llenergymeasure.domain.study.design import Cell, Factor, StudyDesign
from llenergymeasure.stats.factorial.grid import Grid
from llenergymeasure.stats.factorial.inference import ErrorTerm
from llenergymeasure.stats.factorial.layout import CellFit, Layout
from llenergymeasure.stats.factorial.ranks import Groups, normal_ranks
from llenergymeasure.stats.factorial.split_plot import Strata, strata
from llenergymeasure.stats.factorial.subgrid import Levels
from llenergymeasure.study.analysis.frame import Frame, Runs


@dataclass(frozen=True)
class Model:
    """The fit of one metric.

    Attributes:
        design: factors and reference.
        frame: the runs.
        placement: their cells and blocks.
        fit: the fit of the logs.
        grouped: names of the factors whose runs stand together in the order.
        margin: largest difference that counts as none, as a fraction; None = not stated.
    """

    design: StudyDesign
    frame: Frame
    placement: Placement
    fit: CellFit
    grouped: frozenset[str]
    margin: float | None
    _ranks: dict[str, CellFit] = field(default_factory=dict)

    def ranks_for(self, factor: Factor) -> CellFit:
        """The same fit on normal ranks, for the test of a factor."""
        if factor.name not in self._ranks:
            self._ranks[factor.name] = normal_ranks(self.fit, self.placement.groups_for(factor))
        return self._ranks[factor.name]

    @property
    def reference(self) -> int:
        """Place of the reference among the cells; of the first cell where the reference has no run."""
        return self.frame.runs.position.get(self.design.reference, 0)

    @cached_property
    def error(self) -> ErrorTerm:
        """The variance of a run about the fit."""
        return ErrorTerm.of(self.fit.sum_of_squares, self.fit.layout.freedom)

    def error_of(self, factors: Collection[str], ranks: CellFit | None = None) -> ErrorTerm:
        """The variance of a run that applies to an effect of these factors, on logs or on ranks."""
        if not self.grouped:
            return ErrorTerm.of(ranks.sum_of_squares, ranks.layout.freedom) if ranks else self.error
        both = strata(ranks, self.groups) if ranks else self._strata
        return both.between if self.grouped.issuperset(factors) else both.inside

    @property
    def error_inside(self) -> ErrorTerm:
        """The variance of a run that applies to cells of the same group of the order."""
        return self._strata.inside if self.grouped else self.error

    @cached_property
    def groups(self) -> tuple[int, ...]:
        """Number of the group of each cell; one group where the order groups nothing."""
        if not self.grouped:
            return (0,) * len(self.frame.cells)
        return _numbered([[(name, cell.levels.get(name)) for name in self.grouped] for cell in self.frame.cells])

    @cached_property
    def _strata(self) -> Strata:
        return strata(self.fit, self.groups)

    def level_of(self, factor: Factor, place: int) -> int | None:
        """Index of a cell's level of a factor; None where the factor does not apply."""
        return self.frame.cells[place].levels.get(factor.name)

    @cached_property
    def backends(self) -> Factor | None:
        """The factor of the backends; None without one."""
        return next((factor for factor in self.design.factors if "backend" in factor.fields), None)

    def backend_of(self, cell: Cell) -> str | None:
        """Name of the level of a cell in the factor of the backends; None without such a factor."""
        found = self.backends
        return None if found is None else str(found.levels[cell.levels[found.name]])

    def varying(self, places: Sequence[int]) -> list[Factor]:
        """The factors that apply to all of these cells, and differ between them."""
        return self.placement.varying(self.design.factors, tuple(places))


@dataclass(frozen=True)
class FullGrid:
    """A full grid of cells.

    Attributes:
        factors: its factors.
        levels: indices of the levels of each factor.
        grid: the places of its cells.
        complete: whether it has all the cells that were looked at.
    """

    factors: tuple[Factor, ...]
    levels: Levels
    grid: Grid
    complete: bool


@dataclass(frozen=True)
class Placement:
    """Cells and blocks of runs as numbers. Metrics of the same runs share it, and what is computed from it.

    Attributes:
        layout: cells and blocks of the runs.
        cells: the cells.
        grids: the largest full grid by cells and factors, see `holes`.
    """

    layout: Layout
    cells: Sequence[Cell]
    grids: dict[tuple[tuple[int, ...], tuple[str, ...]], FullGrid | None] = field(default_factory=dict)
    _groups: dict[str, Groups | None] = field(default_factory=dict)
    _varying: dict[tuple[int, ...], list[Factor]] = field(default_factory=dict)

    @classmethod
    def of(cls, runs: Runs) -> Placement:
        """The placement of these runs."""
        numbers = {block: number for number, block in enumerate(dict.fromkeys(runs.blocks))}
        cells = [runs.position[row.cell] for row in runs.rows]
        return cls(Layout.of(cells, [numbers[block] for block in runs.blocks]), runs.cells)

    @cached_property
    def alike(self) -> bool:
        """Whether the same factors apply to all cells."""
        return len({frozenset(cell.levels) for cell in self.cells}) == 1

    @cached_property
    def by_levels(self) -> dict[frozenset[tuple[str, int]], int]:
        """Place of the cell with these levels."""
        return {frozenset(cell.levels.items()): place for place, cell in enumerate(self.cells)}

    def groups_for(self, factor: Factor) -> Groups | None:
        """The groups of runs whose cells differ in this factor only; None where no cells do."""
        if factor.name not in self._groups:
            numbers = _numbered(
                [cell.levels.items() - {(factor.name, cell.levels.get(factor.name))} for cell in self.cells]
            )
            alone = max(numbers) + 1 == len(numbers)
            self._groups[factor.name] = None if alone else Groups.of(self.layout, numbers)
        return self._groups[factor.name]

    def varying(self, factors: Sequence[Factor], places: tuple[int, ...]) -> list[Factor]:
        """The factors that apply to all of these cells, and differ between them."""
        if places not in self._varying:
            found = ((factor, {self.cells[place].levels.get(factor.name) for place in places}) for factor in factors)
            self._varying[places] = [factor for factor, levels in found if None not in levels and len(levels) > 1]
        return self._varying[places]


def _numbered(keys: Sequence[Iterable[object]]) -> tuple[int, ...]:
    """Equal keys get equal numbers, from 0 without gaps."""
    frozen = [frozenset(key) for key in keys]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(frozen))}
    return tuple(numbers[key] for key in frozen)
