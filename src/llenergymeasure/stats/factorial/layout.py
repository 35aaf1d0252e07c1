"""Least squares of `value = cell + block`, for any number of runs per cell and block.

Cells are the combinations of levels that were measured, and blocks are the cycles. Every effect of a factor is a contrast of
the cells' means, so this one fit serves all of them, and its residuals hold no interaction of factors. The cells are
eliminated first: what is left to solve has as many unknowns as there are blocks (Searle, "Linear Models for Unbalanced Data",
1987, section 4.9).

Sums over cells or runs are made by `einsum`, not by `@`: BLAS wakes threads for them, which then wait busily for longer than the
sum takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Logs whose spread is below this are equal except for rounding.
ROUNDING = 1e-11
# Ratios with a larger log are beyond what a number can hold.
LARGEST_LOG = 700.0


@dataclass(frozen=True)
class Layout:
    """The cell and the block of each run, as indices from 0 without gaps."""

    cells: Ints
    blocks: Ints

    @classmethod
    def of(cls, cells: Sequence[int], blocks: Sequence[int]) -> Layout:
        """The layout of runs with these indices."""
        return cls(np.asarray(cells, np.int64), np.asarray(blocks, np.int64))

    @cached_property
    def counts(self) -> Floats:
        """Number of runs by cell and block."""
        n_cells, n_blocks = int(self.cells.max()) + 1, int(self.blocks.max()) + 1
        flat = np.bincount(self.cells * n_blocks + self.blocks, minlength=n_cells * n_blocks)
        return flat.reshape(n_cells, n_blocks).astype(np.float64)

    @cached_property
    def per_cell(self) -> Floats:
        """Number of runs of each cell."""
        total: Floats = self.counts.sum(axis=1)
        return total

    @cached_property
    def profile(self) -> Floats:
        """Share of each block in the runs of each cell."""
        shares: Floats = self.counts / self.per_cell[:, None]
        return shares

    @cached_property
    def _eigen(self) -> tuple[Floats, Floats]:
        """Eigenvalues and eigenvectors of the equations of the blocks."""
        equations = np.diag(self.counts.sum(axis=0)) - self.counts.T @ self.profile
        values, vectors = np.linalg.eigh(equations)
        return np.where(values < 1e-9 * len(self.cells), 0.0, values), vectors

    @cached_property
    def block_covariance(self) -> Floats:
        """Covariance of the blocks' offsets, in units of the variance of a run."""
        values, vectors = self._eigen
        inverse = np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)
        covariance: Floats = (vectors * inverse) @ vectors.T
        return covariance

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the residuals."""
        n_components = int((self._eigen[0] == 0).sum())
        n_cells, n_blocks = self.counts.shape
        return int(len(self.cells) - n_cells - n_blocks + n_components)

    @cached_property
    def leverage(self) -> Floats:
        """Share of each run in its own fitted value, 0 to 1."""
        of_cells = 1 / self.per_cell + np.einsum("cb,cb->c", self.profile @ self.block_covariance, self.profile)
        between = (self.profile @ self.block_covariance)[self.cells, self.blocks]
        of_runs: Floats = of_cells[self.cells] + np.diag(self.block_covariance)[self.blocks] - 2 * between
        return np.clip(of_runs, 0.0, 1.0)

    def covariance(self, weights: Floats, cells: Ints) -> Floats:
        """Covariance of weighted sums of the means of some cells, in units of the variance of a run.

        Args:
            weights: a row per sum, a column per cell.
            cells: indices of the cells.
        """
        through_blocks = weights @ self.profile[cells]
        of_cells = (weights / self.per_cell[cells]) @ weights.T
        total: Floats = of_cells + through_blocks @ self.block_covariance @ through_blocks.T
        return total

    def fit_all(self, values: Sequence[float]) -> CellFit:
        """Least squares of the values of all runs."""
        return self.fit(np.asarray(values, np.float64))

    def fit(self, values: Floats) -> CellFit:
        """Least squares; offsets of blocks add up to zero."""
        n_cells, n_blocks = self.counts.shape
        of_cells = np.bincount(self.cells, values, n_cells) / self.per_cell
        of_blocks = np.bincount(self.blocks, values, n_blocks)
        offsets = self.block_covariance @ (of_blocks - np.einsum("cb,c->b", self.counts, of_cells))
        means = of_cells - np.einsum("cb,b->c", self.profile, offsets)
        residuals = values - means[self.cells] - offsets[self.blocks]
        residuals[np.abs(residuals) < ROUNDING] = 0.0
        return CellFit(self, means, offsets, residuals)


@dataclass(frozen=True)
class CellFit:
    """A fit.

    Attributes:
        layout: cells and blocks of the runs.
        means: of each cell, in an average block.
        offsets: of each block.
        residuals: of each run.
    """

    layout: Layout
    means: Floats
    offsets: Floats
    residuals: Floats

    @cached_property
    def sum_of_squares(self) -> float:
        """Sum of the squared residuals."""
        return _square(self.residuals)

    @cached_property
    def centred(self) -> Floats:
        """The value of each run without the offset of its block."""
        without: Floats = self.means[self.layout.cells] + self.residuals
        return without

    @cached_property
    def explained(self) -> float | None:
        """Share of the variation inside blocks that the cells explain; None without variation."""
        centred, blocks = self.centred, self.layout.blocks
        total = _square(centred - (np.bincount(blocks, centred) / np.bincount(blocks))[blocks])
        return 1 - self.sum_of_squares / total if total > ROUNDING**2 * len(centred) else None


def _square(values: Floats) -> float:
    """Sum of the squared values."""
    return float(np.einsum("r,r->", values, values))
