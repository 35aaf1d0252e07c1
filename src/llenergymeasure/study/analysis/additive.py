"""Factors of cells that are not a grid, such as a list in which each cell differs from the reference in one field."""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.domain.study.design import Factor
from llenergymeasure.domain.study.effects import ALPHA, FactorEffect
from llenergymeasure.stats.factorial.additive import fit_additive
from llenergymeasure.stats.factorial.grid import Estimates
from llenergymeasure.study.analysis.build import Compared, Share, factor_effect
from llenergymeasure.study.analysis.model import Model


def additive_effects(model: Model, factors: Sequence[Factor]) -> list[FactorEffect] | None:
    """The factors that can be estimated as if they did not interact; None where the runs show that they do interact."""
    places = range(len(model.frame.cells))
    levels = [sorted({model.level_of(factor, place) or 0 for place in places}) for factor in factors]
    table = [
        [known.index(model.level_of(factor, place) or 0) for known, factor in zip(levels, factors)] for place in places
    ]
    found = fit_additive(model.fit, table, model.error)
    if found.p_interacting is not None and found.p_interacting < ALPHA:
        return None
    return [
        factor_effect(
            model,
            Compared(factors[axis], tuple(levels[axis]), estimates, _ranked(model, factors[axis], table, axis)),
            Share(found.shares[axis]) if axis in found.shares else None,
        )
        for axis, estimates in found.factors.items()
    ]


def _ranked(model: Model, factor: Factor, table: Sequence[Sequence[int]], axis: int) -> Estimates:
    return fit_additive(model.ranks_for(factor), table, model.error).factors[axis]
