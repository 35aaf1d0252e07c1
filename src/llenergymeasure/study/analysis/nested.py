"""Several backends, each with factors of its own.

A factor of a backend's section is estimated inside that backend. Backends are compared at their reference cells, and each at
its best cell, because their averages would depend on which settings of each were chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.domain.study.design import Factor
from llenergymeasure.domain.study.effects import ALPHA, FactorEffect
from llenergymeasure.stats.factorial.grid import Estimates, Grid, averaged
from llenergymeasure.stats.factorial.layout import CellFit
from llenergymeasure.stats.factorial.levels import compare_levels
from llenergymeasure.study.analysis.build import Compared, factor_effect, level_effects
from llenergymeasure.study.analysis.factorial import Effects, grid_effects
from llenergymeasure.study.analysis.holes import full_grid
from llenergymeasure.study.analysis.model import FullGrid, Model


def nesting(model: Model) -> Factor | None:
    """The factor of the backends, if cells of different backends have different factors."""
    if model.placement.alike:
        return None
    return model.backends if model.backends in model.varying(range(len(model.frame.cells))) else None


def nested_effects(model: Model, backends: Factor) -> Effects:
    """The effects inside each backend, those of common factors over all backends, and the backends themselves."""
    places = _by_backend(model, backends)
    parts = {level: full_grid(model, cells, model.varying(cells)) for level, cells in places.items()}
    grids = {level: part for level, part in parts.items() if part is not None}
    common = _common(grids, len(places))
    factors, interactions = [_backends(model, backends, places)], []
    for level, full in grids.items():
        inside, pairs = grid_effects(model, full, str(backends.levels[level]))
        factors += [effect for effect in inside if effect.factor not in {factor.name for factor in common}]
        interactions += pairs
    factors += [_over_all(model, factor, list(grids.values())) for factor in common]
    return factors, interactions


def _by_backend(model: Model, backends: Factor) -> dict[int, list[int]]:
    places: dict[int, list[int]] = {}
    for place in range(len(model.frame.cells)):
        places.setdefault(model.level_of(backends, place) or 0, []).append(place)
    return dict(sorted(places.items()))


def _common(grids: dict[int, FullGrid], n_backends: int) -> list[Factor]:
    """The factors that have the same levels in the grids of all backends."""
    if len(grids) < n_backends:
        return []
    levels = [dict(zip((factor.name for factor in full.factors), full.levels)) for full in grids.values()]
    first = next(iter(grids.values()))
    return [
        factor for factor in first.factors if all(each.get(factor.name) == levels[0][factor.name] for each in levels)
    ]


def _over_all(model: Model, factor: Factor, grids: Sequence[FullGrid]) -> FactorEffect:
    """A common factor, with equal weights of all backends."""
    axes = [[each.name for each in full.factors].index(factor.name) for full in grids]
    levels = grids[0].levels[axes[0]]
    logs, ranks = (averaged(fit, [full.grid for full in grids], axes) for fit in (model.fit, model.ranks_for(factor)))
    return factor_effect(model, Compared(factor, levels, logs, ranks))


def _backends(model: Model, backends: Factor, places: dict[int, list[int]]) -> FactorEffect:
    """The backends at their reference cells, and at their best."""
    at_reference = {level: _like_reference(model, backends, cells) for level, cells in places.items()}
    levels = tuple(level for level, cell in at_reference.items() if cell is not None)
    if len(levels) < 2:
        levels, at_reference = tuple(places), {level: cells[0] for level, cells in places.items()}
    cells = [cell for cell in (at_reference[level] for level in levels) if cell is not None]
    effect = factor_effect(
        model, Compared(backends, levels, _means(model.fit, cells), _means(model.ranks_for(backends), cells))
    )
    best = [_best(model, cells) for cells in places.values()]
    of_reference = list(places).index(model.level_of(backends, model.reference) or 0)
    found = compare_levels(_means(model.fit, best), model.error_of([backends.name]), of_reference, ALPHA)
    return effect.model_copy(update={"at_best": level_effects([backends.levels[level] for level in places], found)})


def _means(fit: CellFit, cells: Sequence[int]) -> Estimates:
    return Grid.of(fit.layout, [len(cells)], cells).levels(fit, 0)


def _like_reference(model: Model, backends: Factor, cells: Sequence[int]) -> int | None:
    """The cell with the reference's levels of the common factors, and the first level of the backend's own."""
    reference = model.frame.cells[model.reference].levels
    for place in cells:
        levels = model.frame.cells[place].levels
        if all(level == reference.get(name, 0) for name, level in levels.items() if name != backends.name):
            return place
    return None


def _best(model: Model, cells: Sequence[int]) -> int:
    sign = 1 if model.frame.metric.better == "lower" else -1
    return min(cells, key=lambda place: sign * float(model.fit.means[place]))
