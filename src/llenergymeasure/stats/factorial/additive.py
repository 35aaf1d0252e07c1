"""Factors of cells that are not a grid, as if they did not interact, with a test of this assumption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llenergymeasure.stats.factorial.grid import Estimates
from llenergymeasure.stats.factorial.inference import ErrorTerm, ratio_test
from llenergymeasure.stats.factorial.layout import CellFit, Floats, Ints
from llenergymeasure.stats.factorial.shapley import MOST_PARTS, shapley

_SMALL = 1e-9


@dataclass(frozen=True)
class Additive:
    """A fit of `value = block + factors` to the cells' means.

    Attributes:
        factors: means of the levels of each factor that can be estimated, by index of the factor.
        shares: share of each of them in what they explain, by index of the factor.
        p_interacting: p of the hypothesis that factors do not interact; None where it cannot be tested.
    """

    factors: dict[int, Estimates]
    shares: dict[int, float]
    p_interacting: float | None


def fit_additive(fit: CellFit, levels: Sequence[Sequence[int]], error: ErrorTerm) -> Additive:
    """Fit factors without interactions.

    Args:
        fit: the fit of the cells.
        levels: index of the level of each factor (without gaps from 0), a row per cell.
        error: the variance of a run.
    """
    table = np.asarray(levels, np.int64)
    columns = [_indicators(table[:, axis]) for axis in range(table.shape[1])]
    found = _Reduced(fit, columns)
    factors = {axis: found.levels(axis) for axis in range(len(columns)) if found.estimable(axis)}
    return Additive(factors, found.shares(tuple(factors)), found.p_interacting(error))


def _indicators(levels: Ints) -> Floats:
    """A column per level except the first."""
    columns: Floats = (levels[:, None] == np.arange(1, int(levels.max()) + 1)).astype(np.float64)
    return columns


class _Reduced:
    """The normal equations after the blocks are eliminated."""

    def __init__(self, fit: CellFit, columns: Sequence[Floats]) -> None:
        self._fit, self._matrix = fit, np.hstack(columns)
        ends = np.cumsum([0, *(part.shape[1] for part in columns)])
        self._places = [np.arange(start, end) for start, end in zip(ends, ends[1:])]
        self._information = self._weighted(self._matrix)
        self._values, self._vectors = np.linalg.eigh(self._matrix.T @ self._information)
        self._rank = int((self._values > _SMALL * self._values.max()).sum())
        self._free = self._vectors[:, : len(self._values) - self._rank]
        used, values = (
            self._vectors[:, len(self._values) - self._rank :],
            self._values[len(self._values) - self._rank :],
        )
        self._covariance = (used / values) @ used.T
        self._effects = self._covariance @ (self._information.T @ fit.means)

    def _weighted(self, columns: Floats) -> Floats:
        """The columns times the information of the runs about differences of cells."""
        layout = self._fit.layout
        of_blocks = layout.counts.T @ columns / layout.counts.sum(axis=0)[:, None]
        weighted: Floats = layout.per_cell[:, None] * columns - layout.counts @ of_blocks
        return weighted

    def estimable(self, axis: int) -> bool:
        """Whether the levels of a factor can be compared."""
        return not self._free.size or bool(np.abs(self._free[self._places[axis]]).max() < 1e-6)

    def levels(self, axis: int) -> Estimates:
        """Means of the levels of a factor, over the other factors of all cells."""
        places = self._places[axis]
        effects = np.concatenate([[0.0], self._effects[places]])
        middle = float(np.mean(self._fit.means - self._matrix[:, places] @ self._effects[places]))
        covariance = np.zeros((len(effects), len(effects)))
        covariance[1:, 1:] = self._covariance[np.ix_(places, places)]
        return Estimates(middle + effects, covariance)

    def p_interacting(self, error: ErrorTerm) -> float | None:
        """p of the F test of the remaining differences between the cells."""
        left = self._fit.means - self._matrix @ self._effects
        freedom = len(left) - 1 - self._rank
        if not freedom or not error.freedom:
            return None
        square = float(left @ self._weighted(left[:, None])[:, 0])
        return ratio_test(square / freedom, freedom, error)

    def shares(self, axes: tuple[int, ...]) -> dict[int, float]:
        """Shapley values of the explained sum of squares."""
        if not axes or len(axes) > MOST_PARTS:
            return {}
        values = shapley(len(axes), lambda chosen: self._explained([axes[place] for place in sorted(chosen)]))
        total = sum(values)
        return {axis: value / total for axis, value in zip(axes, values)} if total > _SMALL**2 else {}

    def _explained(self, axes: Sequence[int]) -> float:
        if not axes:
            return 0.0
        places = np.concatenate([self._places[axis] for axis in axes])
        goal = self._information[:, places].T @ self._fit.means
        part = self._matrix[:, places].T @ self._information[:, places]
        return float(goal @ np.linalg.pinv(part, hermitian=True) @ goal)
