"""Effects on a full grid of levels, as weighted sums of the cells' means.

On a full grid with equal weights of cells, the effects are those of the analysis of variance, and where some cells have fewer
runs than others their tests are the type III tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

import numpy as np
from scipy.linalg import helmert

from llenergymeasure.stats.factorial.layout import CellFit, Floats, Ints, Layout

Term = tuple[int, ...]
"""Axes of the factors of an effect: one for a main effect, two for a two-way interaction."""


@dataclass(frozen=True)
class Estimates:
    """Weighted sums of cell means, with their covariance in units of the variance of a run."""

    values: Floats
    covariance: Floats

    @property
    def contrasts(self) -> Estimates:
        """Differences of all others to the first."""
        weights = np.hstack([-np.ones((len(self.values) - 1, 1)), np.eye(len(self.values) - 1)])
        return Estimates(weights @ self.values, weights @ self.covariance @ weights.T)


@dataclass(frozen=True)
class TermSum:
    """Sum of squares of an effect over the cells' means, with its degrees of freedom."""

    square: float
    freedom: int


@dataclass(frozen=True)
class Grid:
    """A full grid. Covariances are computed once, for all metrics that have the same runs.

    Attributes:
        layout: cells and blocks of the runs.
        shape: number of levels of each factor.
        cells: index of the cell in the layout, for all combinations; the last factor varies fastest.
    """

    layout: Layout
    shape: tuple[int, ...]
    cells: Ints
    _covariances: dict[tuple[str, Term], Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, layout: Layout, shape: Sequence[int], cells: Sequence[int]) -> Grid:
        """The grid of these cells."""
        return cls(layout, tuple(shape), np.asarray(cells, np.int64))

    def level_weights(self, axes: Term) -> Floats:
        """A row per combination of levels of these axes: the average over all other factors."""
        parts: list[Floats] = [
            np.eye(n) if axis in axes else np.full((1, n), 1 / n) for axis, n in enumerate(self.shape)
        ]
        return _outer(parts)

    def term_weights(self, term: Term) -> Floats:
        """Orthonormal contrasts of an effect, a row each."""
        return _outer([helmert(n) if axis in term else helmert(n, full=True)[:1] for axis, n in enumerate(self.shape)])

    def levels(self, fit: CellFit, *axes: int) -> Estimates:
        """Means by level of these axes, over all other factors."""
        others = tuple(axis for axis in range(len(self.shape)) if axis not in axes)
        return Estimates(self._means(fit).mean(axis=others).ravel(), self._covariance("levels", axes))

    def terms(self, fit: CellFit) -> Terms:
        """All effects."""
        return Terms(self, _transformed(self._means(fit)))

    def term_covariance(self, term: Term) -> Floats:
        """Covariance of the contrasts of an effect, in units of the variance of a run."""
        return self._covariance("term", term)

    @property
    def runs_per_cell(self) -> float:
        """Harmonic mean of the number of runs of the cells."""
        return float(len(self.cells) / (1 / self.layout.per_cell[self.cells]).sum())

    def _means(self, fit: CellFit) -> Floats:
        return fit.means[self.cells].reshape(self.shape)

    def _covariance(self, kind: Literal["levels", "term"], axes: Term) -> Floats:
        if (kind, axes) not in self._covariances:
            weights = self.level_weights(axes) if kind == "levels" else self.term_weights(axes)
            self._covariances[kind, axes] = self.layout.covariance(weights, self.cells)
        return self._covariances[kind, axes]


@dataclass(frozen=True)
class Terms:
    """The effects of a grid.

    Attributes:
        grid: the grid.
        coefficients: of all orthonormal contrasts; 0 in an index is the mean over that factor.
    """

    grid: Grid
    coefficients: Floats

    def contrasts(self, term: Term) -> Estimates:
        """The contrasts of an effect."""
        place = tuple(slice(1, None) if axis in term else 0 for axis in range(len(self.grid.shape)))
        return Estimates(self.coefficients[place].ravel(), self.grid.term_covariance(term))

    def sums(self) -> Mapping[Term, TermSum]:
        """Sum of squares of each effect; their total is the sum of squares of the cells' means about their mean."""
        squares, n_factors = self.coefficients**2, len(self.grid.shape)
        for axis in range(n_factors):
            first, rest = np.split(squares, [1], axis=axis)
            squares = np.concatenate([first, rest.sum(axis=axis, keepdims=True)], axis=axis)
        return {
            term: TermSum(float(squares[pattern]), int(np.prod([self.grid.shape[axis] - 1 for axis in term])))
            for pattern in product((0, 1), repeat=n_factors)
            if (term := tuple(axis for axis in range(n_factors) if pattern[axis]))
        }


def averaged(fit: CellFit, grids: Sequence[Grid], axes: Sequence[int]) -> Estimates:
    """Means by level of a factor that several grids have, with equal weights of the grids."""
    weights = np.hstack([grid.level_weights((axis,)) for grid, axis in zip(grids, axes)]) / len(grids)
    cells = np.concatenate([grid.cells for grid in grids])
    return Estimates(weights @ fit.means[cells], fit.layout.covariance(weights, cells))


def _outer(parts: Sequence[Floats]) -> Floats:
    whole = parts[0]
    for part in parts[1:]:
        whole = np.kron(whole, part).astype(np.float64, copy=False)
    return whole


def _transformed(means: Floats) -> Floats:
    """The coefficients of all orthonormal contrasts."""
    centred: Floats = means - means.mean()
    for axis, n in enumerate(means.shape):
        centred = np.moveaxis(np.tensordot(helmert(n, full=True), centred, axes=(1, axis)), 0, axis)
    return centred
