"""The cells: means, ratios to the reference, and the way from the reference to the best."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llenergymeasure.domain.study.effects import CellEffect, PathStep, Ratio
from llenergymeasure.stats.factorial.against import Intervals, against
from llenergymeasure.stats.factorial.shapley import MOST_PARTS, shapley
from llenergymeasure.study.analysis.model import Model


def cell_effects(model: Model, corrected: bool) -> tuple[CellEffect, ...]:
    """All cells against the reference.

    Args:
        model: the fit.
        corrected: whether to give p corrected for the number of cells.
    """
    reference = model.reference
    found = against(model.fit, reference, model.error_inside)
    ratios = _ratios(model, found.ratios)
    p_values = found.p_holm if corrected and found.p_holm else [None] * len(ratios)
    p_holm = [None if place == reference else p_value for place, p_value in enumerate(p_values)]
    parts = zip(
        model.frame.cells, model.fit.layout.per_cell.tolist(), found.means.values, found.means.lows, found.means.highs,
        ratios, p_holm,
    )  # fmt: skip
    return tuple(
        CellEffect(cell=cell.id, n_runs=int(size), mean=mean, low=low, high=high, ratio=ratio, p_holm=p_value)
        for cell, size, mean, low, high, ratio, p_value in parts
    )


def _ratios(model: Model, found: Intervals) -> Sequence[Ratio | None]:
    """The ratios to the reference; to one in another group of the order without interval, because it has two error terms."""
    reference, groups = model.reference, model.groups
    if model.frame.cells[reference].id != model.design.reference:
        return [None] * len(groups)
    parts = zip(found.values, found.lows, found.highs, groups)
    return [
        Ratio(value=value, low=low, high=high) if group == groups[reference] else Ratio(value=value)
        for value, low, high, group in parts
    ]


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
    place_of = model.placement.by_levels

    def mixed(chosen: frozenset[int]) -> float:
        changed = {differing[place].name: end[differing[place].name] for place in chosen}
        return float(model.fit.means[place_of[frozenset({**start, **changed}.items())]])

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
