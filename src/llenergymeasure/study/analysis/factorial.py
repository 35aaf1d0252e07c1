"""Factors and two-way interactions of a full grid."""

from __future__ import annotations

import math
from itertools import combinations

from llenergymeasure.domain.study.effects import Conditional, FactorEffect, Interaction, Ratio
from llenergymeasure.stats.factorial.grid import Estimates, Term, Terms
from llenergymeasure.stats.factorial.inference import ErrorTerm, f_test
from llenergymeasure.stats.factorial.levels import difference
from llenergymeasure.stats.factorial.shares import Shares, shares
from llenergymeasure.study.analysis.build import Compared, Share, factor_effect, ratio
from llenergymeasure.study.analysis.model import FullGrid, Model

Effects = tuple[list[FactorEffect], list[Interaction]]


def grid_effects(model: Model, full: FullGrid, within: str | None = None) -> Effects:
    """The effects of a full grid.

    Args:
        model: the fit.
        full: the grid.
        within: name of the backend whose cells the grid has; None for all cells.
    """
    terms = full.grid.terms(model.fit)
    found = _shares(model, full, terms)
    factors = [
        factor_effect(model, compared_levels(model, full, axis, within), _share(found, axis))
        for axis in range(len(full.factors))
    ]
    pairs = combinations(range(len(factors)), 2)
    return factors, [_interaction(model, full, terms.contrasts(pair), pair, factors, found) for pair in pairs]


def compared_levels(model: Model, full: FullGrid, axis: int, within: str | None = None) -> Compared:
    """The levels of one factor of a grid, over its other factors."""
    factor = full.factors[axis]
    logs, ranks = (full.grid.levels(fit, axis) for fit in (model.fit, model.ranks_for(factor)))
    return Compared(factor, full.levels[axis], logs, ranks, within)


def _shares(model: Model, full: FullGrid, terms: Terms) -> Shares | None:
    sums = terms.sums()
    errors: dict[Term, ErrorTerm] = {term: model.error_of(_names(full, term)) for term in sums}
    return shares(sums, errors, len(full.factors), full.grid.runs_per_cell)


def _names(full: FullGrid, term: Term) -> list[str]:
    return [full.factors[axis].name for axis in term]


def _share(found: Shares | None, axis: int) -> Share | None:
    if found is None:
        return None
    low, high = (ends[axis] if ends else None for ends in (found.lows, found.highs))
    return Share(found.factors[axis], low, high)


def _interaction(
    model: Model, full: FullGrid, contrasts: Estimates, pair: Term, factors: list[FactorEffect], found: Shares | None
) -> Interaction:
    first, second = sorted(pair, key=lambda axis: -factors[axis].span.value)
    means = full.grid.levels(model.fit, *pair)
    table = _table(means, full, first, second)
    return Interaction(
        factors=(full.factors[first].name, full.factors[second].name),
        within=factors[first].within,
        share=found.terms[pair] if found else None,
        p_value=f_test(contrasts.values, contrasts.covariance, model.error_of(_names(full, pair))),
        levels=(_values(full, first), _values(full, second)),
        means=tuple(tuple(math.exp(means.values[place]) for place in row) for row in table),
        conditional=_conditional(model, full, (first, second), means, table, factors[first]),
    )


def _values(full: FullGrid, axis: int) -> tuple[object, ...]:
    return tuple(full.factors[axis].levels[level] for level in full.levels[axis])


def _table(means: Estimates, full: FullGrid, first: int, second: int) -> list[list[int]]:
    """Places of the means: a row per level of the first factor, a column per level of the second."""
    rows, columns = len(full.levels[first]), len(full.levels[second])
    if first < second:
        return [[row * columns + column for column in range(columns)] for row in range(rows)]
    return [[column * rows + row for column in range(columns)] for row in range(rows)]


def _conditional(
    model: Model, full: FullGrid, axes: tuple[int, int], means: Estimates, table: list[list[int]], effect: FactorEffect
) -> tuple[Conditional, ...]:
    levels = _values(full, axes[0])
    high, low = table[levels.index(effect.highest)], table[levels.index(effect.lowest)]
    error = model.error_of([full.factors[axes[0]].name])
    steps = [difference(means, one, other, error) for one, other in zip(high, low)]
    mixed = effect.grouped and full.factors[axes[1]].name not in model.grouped
    ratios: list[Ratio] = [Ratio(value=math.exp(step.value)) if mixed else ratio(step) for step in steps]
    return tuple(Conditional(level=level, ratio=each) for level, each in zip(_values(full, axes[1]), ratios))
