"""The largest full grid among cells: nothing is imputed for a cell without a run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from llenergymeasure.domain.study.design import Factor
from llenergymeasure.stats.factorial.grid import Grid
from llenergymeasure.stats.factorial.subgrid import Levels, largest_full
from llenergymeasure.study.analysis.model import FullGrid, Model

# A grid has at least this share of its combinations; a full part has at least this share of the cells.
_LEAST_SHARE = 0.5


def full_grid(model: Model, places: Sequence[int], factors: Sequence[Factor]) -> FullGrid | None:
    """The largest full grid of these cells that has two levels of each factor and at least half of the cells.

    None if there is no such grid: the cells are then a list. Metrics with the same runs share the grid.
    """
    key = (tuple(places), tuple(factor.name for factor in factors))
    if key not in model.placement.grids:
        model.placement.grids[key] = _full_grid(model, places, factors)
    return model.placement.grids[key]


def _full_grid(model: Model, places: Sequence[int], factors: Sequence[Factor]) -> FullGrid | None:
    occurring = [sorted({model.level_of(factor, place) or 0 for place in places}) for factor in factors]
    cell_of = {tuple(model.level_of(factor, place) or 0 for factor in factors): place for place in places}
    n_combinations = prod(map(len, occurring))
    if not factors or len(cell_of) < len(places) or len(places) < _LEAST_SHARE * n_combinations:
        return None
    kept = _kept(model, occurring, cell_of, factors)
    if min(map(len, kept)) < 2 or prod(map(len, kept)) < _LEAST_SHARE * len(places):
        return None
    cells = [cell_of[combination] for combination in product(*kept)]
    grid = Grid.of(model.fit.layout, [len(levels) for levels in kept], cells)
    return FullGrid(tuple(factors), kept, grid, len(cells) == len(places))


def _kept(
    model: Model, occurring: Sequence[Sequence[int]], cell_of: dict[tuple[int, ...], int], factors: Sequence[Factor]
) -> Levels:
    """The levels whose combinations all have a cell; those of the reference stay."""
    if len(cell_of) == prod(map(len, occurring)):
        return tuple(map(tuple, occurring))
    of_reference = tuple(model.level_of(factor, model.reference) for factor in factors)
    fixed = [levels.index(level) for levels, level in zip(occurring, of_reference) if level in levels]
    present = {tuple(levels.index(one) for levels, one in zip(occurring, place)) for place in cell_of}
    stays = fixed if len(fixed) == len(factors) and tuple(fixed) in present else None
    found = largest_full([len(levels) for levels in occurring], present, stays)
    return tuple(tuple(levels[place] for place in places) for levels, places in zip(occurring, found))
