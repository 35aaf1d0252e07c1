"""The cells: means, ratios to the reference, and the way from the reference to the best."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llenergymeasure.domain.study.effects import CellEffect, PathStep, Ratio
from llenergymeasure.stats.factorial.against import Against, against
from llenergymeasure.stats.factorial.inference import ErrorTerm
from llenergymeasure.stats.factorial.shapley import MOST_PARTS, shapley
from llenergymeasure.study.analysis.model import Model


def cell_effects(model: Model, corrected: bool) -> tuple[CellEffect, ...]:
    """All cells against the reference.

    Args:
        model: the fit.
        corrected: whether to give p corrected for the number of cells.
    """
    reference = model.reference
    found = against(model.fit, reference, _error(model))
    sizes = model.fit.layout.per_cell.tolist()
    has_reference = model.frame.cells[reference].id == model.design.reference
    return tuple(
        CellEffect(
            cell=cell.id,
            n_runs=int(sizes[place]),
            mean=math.exp(found.means[place]),
            low=_end(found.means, found.mean_margins, place, -1),
            high=_end(found.means, found.mean_margins, place, 1),
            ratio=_ratio(model, found, place) if has_reference else None,
            p_holm=found.p_holm[place] if corrected and found.p_holm and place != reference else None,
        )
        for place, cell in enumerate(model.frame.cells)
    )


def _error(model: Model) -> ErrorTerm:
    return model.error_of(["a cell"]) if model.grouped else model.error


def _end(means: Sequence[float], margins: Sequence[float] | None, place: int, sign: int) -> float | None:
    return math.exp(means[place] + sign * margins[place]) if margins else None


def _ratio(model: Model, found: Against, place: int) -> Ratio:
    """The ratio to the reference; of another group of the order without its interval, which has two error terms."""
    same_group = model.groups[place] == model.groups[model.reference]
    margins = found.margins if same_group else None
    low, high = (_end(found.differences, margins, place, sign) for sign in (-1, 1))
    return Ratio(value=math.exp(found.differences[place]), low=low, high=high)


def best_cell(model: Model) -> int | None:
    """Place of the cell with the best mean; None with one cell, and for what is counted."""
    metric = model.frame.metric
    means: list[float] = model.fit.means.tolist()
    if len(means) < 2 or metric.counted:
        return None
    return means.index(min(means) if metric.better == "lower" else max(means))


def path_to(model: Model, best: int | None) -> tuple[PathStep, ...]:
    """The contribution of each factor from the reference to the best cell, the largest first.

    Shapley values over the cells that mix the levels of both; empty where one of them has no run.
    """
    if best is None or model.frame.cells[best].levels.keys() != model.frame.cells[model.reference].levels.keys():
        return ()
    start, end = model.frame.cells[model.reference].levels, model.frame.cells[best].levels
    differing = [factor for factor in model.design.factors if start.get(factor.name) != end.get(factor.name)]
    place_of = {tuple(sorted(cell.levels.items())): place for place, cell in enumerate(model.frame.cells)}

    def mixed(chosen: frozenset[int]) -> float:
        changed = {differing[place].name: end[differing[place].name] for place in chosen}
        return float(model.fit.means[place_of[tuple(sorted({**start, **changed}.items()))]])

    if not 0 < len(differing) <= MOST_PARTS:
        return ()
    try:
        parts = shapley(len(differing), mixed)
    except KeyError:
        return ()
    steps = [
        PathStep(factor=factor.name, level=factor.levels[end[factor.name]], ratio=math.exp(part))
        for factor, part in zip(differing, parts)
    ]
    return tuple(sorted(steps, key=lambda step: -abs(math.log(step.ratio))))
