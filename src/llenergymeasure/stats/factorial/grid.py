"""Effects on a full grid of levels, as weighted sums of the cells' means.

On a full grid with equal weights of cells, the effects are those of the analysis of variance, and where some cells have fewer
runs than others their tests are the type III tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from llenergymeasure.stats.factorial.layout import CellFit, Floats, Ints

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


def estimates(fit: CellFit, weights: Floats, cells: Ints) -> Estimates:
    """Weighted sums of the means of these cells."""
    return Estimates(weights @ fit.means[cells], fit.layout.covariance(weights, cells))


def averaged(fit: CellFit, weights: Sequence[Floats], cells: Sequence[Ints]) -> Estimates:
    """The average of estimates of several sets of cells."""
    return estimates(fit, np.hstack(list(weights)) / len(weights), np.concatenate(list(cells)))


@dataclass(frozen=True)
class TermSum:
    """Sum of squares of an effect over the cells' means, with its degrees of freedom."""

    square: float
    freedom: int


@dataclass(frozen=True)
class Grid:
    """A full grid.

    Attributes:
        shape: number of levels of each factor.
        cells: index of the cell in the fit, for all combinations; the last factor varies fastest.
    """

    shape: tuple[int, ...]
    cells: Ints

    @classmethod
    def of(cls, shape: Sequence[int], cells: Sequence[int]) -> Grid:
        """The grid of these cells."""
        return cls(tuple(shape), np.asarray(cells, np.int64))

    def level_weights(self, *axes: int) -> Floats:
        """A row per combination of levels of these axes: the average over all other factors."""
        parts: list[Floats] = [
            np.eye(n) if axis in axes else np.full((1, n), 1 / n) for axis, n in enumerate(self.shape)
        ]
        return _outer(parts)

    def term_weights(self, term: Term) -> Floats:
        """Orthonormal contrasts of an effect, a row each."""
        parts = [helmert(n)[1:] if axis in term else helmert(n)[:1] for axis, n in enumerate(self.shape)]
        return _outer(parts)

    def estimates(self, fit: CellFit, weights: Floats) -> Estimates:
        """Weighted sums of the cells of the grid."""
        return estimates(fit, weights, self.cells)

    def levels(self, fit: CellFit, *axes: int) -> Estimates:
        """Means by level of these axes."""
        return self.estimates(fit, self.level_weights(*axes))

    def term(self, fit: CellFit, term: Term) -> Estimates:
        """The contrasts of an effect."""
        return self.estimates(fit, self.term_weights(term))

    @cached_property
    def freedoms(self) -> Mapping[Term, int]:
        """Degrees of freedom of each effect."""
        return {term: int(np.prod([self.shape[axis] - 1 for axis in term])) for term in self._terms()}

    def _terms(self) -> Iterator[Term]:
        for pattern in product((False, True), repeat=len(self.shape)):
            if any(pattern):
                yield tuple(axis for axis, inside in enumerate(pattern) if inside)

    def sums(self, fit: CellFit) -> Mapping[Term, TermSum]:
        """Sum of squares of each effect; their total is the sum of squares of the cells' means about their mean."""
        squares = _transformed(fit.means[self.cells].reshape(self.shape)) ** 2
        for axis in range(len(self.shape)):
            first, rest = np.split(squares, [1], axis=axis)
            squares = np.concatenate([first, rest.sum(axis=axis, keepdims=True)], axis=axis)
        return {
            term: TermSum(float(squares[tuple(int(axis in term) for axis in range(len(self.shape)))]), freedom)
            for term, freedom in self.freedoms.items()
        }


def _outer(parts: Sequence[Floats]) -> Floats:
    whole = parts[0]
    for part in parts[1:]:
        whole = np.kron(whole, part).astype(np.float64, copy=False)
    return whole


def _transformed(means: Floats) -> Floats:
    """The coefficients of all orthonormal contrasts."""
    centred: Floats = means - means.mean()
    for axis, n in enumerate(means.shape):
        centred = np.moveaxis(np.tensordot(helmert(n), centred, axes=(1, axis)), 0, axis)
    return centred


def helmert(n: int) -> Floats:
    """Helmert's orthonormal matrix: the mean in the first row, each level against those before it in the others."""
    rows = np.zeros((n, n))
    rows[0] = 1 / np.sqrt(n)
    for level in range(1, n):
        rows[level, :level] = 1 / np.sqrt(level * (level + 1))
        rows[level, level] = -level / np.sqrt(level * (level + 1))
    return rows
