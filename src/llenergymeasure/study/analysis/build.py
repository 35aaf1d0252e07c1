"""Makes result types of estimates: logs become ratios and means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llenergymeasure.domain.study.design import Factor
from llenergymeasure.domain.study.effects import ALPHA, FactorEffect, LevelEffect, Ratio
from llenergymeasure.stats.factorial.grid import Estimates
from llenergymeasure.stats.factorial.inference import ErrorTerm, f_test
from llenergymeasure.stats.factorial.layout import LARGEST_LOG
from llenergymeasure.stats.factorial.levels import Difference, Levels, compare_levels
from llenergymeasure.study.analysis.model import Model


@dataclass(frozen=True)
class Compared:
    """Levels of a factor with their estimates.

    Attributes:
        factor: the factor.
        levels: indices of its compared levels.
        logs: estimates of their means.
        ranks: the same on normal ranks.
        within: name of the backend inside which it is estimated; None for all cells.
    """

    factor: Factor
    levels: tuple[int, ...]
    logs: Estimates
    ranks: Estimates
    within: str | None = None

    @property
    def values(self) -> tuple[Any, ...]:
        """The compared levels."""
        return tuple(self.factor.levels[level] for level in self.levels)


def factor_effect(model: Model, compared: Compared, share: Share | None = None) -> FactorEffect:
    """The effect of a factor, without the correction for the number of factors."""
    name = (compared.factor.name,)
    alpha = ALPHA / len(model.design.factors)
    found = compare_levels(compared.logs, model.error_of(name), _reference(model, compared), alpha)
    values = compared.values
    return FactorEffect(
        factor=compared.factor.name,
        within=compared.within,
        levels=level_effects(values, found),
        missing=_missing(model, compared),
        span=ratio(found.span),
        lowest=values[found.lowest],
        highest=values[found.highest],
        share=share and share.value,
        share_low=share and share.low,
        share_high=share and share.high,
        p_value=found.p_value,
        p_ranks=_p_of(compared.ranks, model.error_of(name, model.ranks_for(compared.factor)))
        if model.error.freedom
        else None,
        detectable=None if found.detectable is None else linear(found.detectable),
        grouped=bool(model.grouped.intersection(name)),
    )


@dataclass(frozen=True)
class Share:
    """A share of the explained variance with its interval."""

    value: float
    low: float | None = None
    high: float | None = None


def level_effects(levels: Sequence[Any], found: Levels) -> tuple[LevelEffect, ...]:
    """The levels with their means and ratios."""
    parts = zip(levels, found.means, found.differences)
    return tuple(LevelEffect(level=level, mean=math.exp(mean), ratio=ratio(step)) for level, mean, step in parts)


def ratio(found: Difference) -> Ratio:
    """A difference of logs as a ratio."""
    if found.margin is None:
        return Ratio(value=linear(found.value))
    low, high = found.value - found.margin, found.value + found.margin
    return Ratio(value=linear(found.value), low=linear(low), high=linear(high))


def linear(log: float) -> float:
    """The value of a log. With one degree of freedom an end of an interval may be beyond every number."""
    return math.exp(min(max(log, -LARGEST_LOG), LARGEST_LOG))


def _p_of(found: Estimates, error: ErrorTerm) -> float | None:
    contrasts = found.contrasts
    return f_test(contrasts.values, contrasts.covariance, error)


def _missing(model: Model, compared: Compared) -> tuple[Any, ...]:
    """The levels of planned cells, of the backend inside which it is estimated, that are not compared."""
    factor = compared.factor
    if len(compared.levels) == len(factor.levels):
        return ()
    cells = model.design.cells
    if compared.within is not None:
        cells = tuple(cell for cell in cells if model.backend_of(cell) == compared.within)
    planned = {cell.levels.get(factor.name) for cell in cells}
    return tuple(
        level for place, level in enumerate(factor.levels) if place in planned and place not in compared.levels
    )


def _reference(model: Model, compared: Compared) -> int:
    """Place of the reference's level among those that are compared; the first where it is not among them."""
    level = model.level_of(compared.factor, model.reference)
    return compared.levels.index(level) if level in compared.levels else 0
