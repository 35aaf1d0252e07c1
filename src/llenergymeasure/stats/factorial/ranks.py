"""Normal scores of ranks: a few runs that differ strongly have little effect on a test on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from llenergymeasure.stats.factorial.layout import ROUNDING, CellFit, Floats, Ints, Layout


@dataclass(frozen=True)
class Groups:
    """Groups of runs, for the medians of many metrics.

    Attributes:
        of_size: indices of the runs, a row per group; one table for each number of runs in a group.
    """

    of_size: tuple[Ints, ...]

    @classmethod
    def of(cls, layout: Layout, of_cells: Sequence[int]) -> Groups:
        """The groups of runs, by the number of the group of each cell, from 0 without gaps."""
        numbers = np.asarray(of_cells, np.int64)[layout.cells]
        order, sizes = np.argsort(numbers, kind="stable"), np.bincount(numbers)
        starts = np.cumsum(sizes) - sizes
        return cls(tuple(order[starts[sizes == size][:, None] + np.arange(size)] for size in np.unique(sizes)))

    def medians(self, values: Floats) -> Floats:
        """The median of its group, for each run."""
        medians = np.empty_like(values)
        for places in self.of_size:
            ordered, size = np.sort(values[places], axis=1), places.shape[1]
            medians[places] = ((ordered[:, (size - 1) // 2] + ordered[:, size // 2]) / 2)[:, None]
        return medians


def normal_ranks(fit: CellFit, groups: Groups | None = None) -> CellFit:
    """The same fit on normal scores of the ranks of all runs, after the blocks' offsets are subtracted.

    Where a factor is tested, the median of the cells that differ only in this factor is subtracted too. Without that, a large
    effect of another factor would separate the ranks into clusters, and a small effect inside each would not be found. Ranks
    after alignment are those of Hodges and Lehmann, "Rank Methods for Combination of Independent Experiments" (1962), scores
    those of Blom, "Statistical Estimates and Transformed Beta-Variables" (1958). Ranks of equal values are averaged.

    Args:
        fit: the fit on logs.
        groups: the groups of runs whose median is subtracted; None = no groups.
    """
    centred = fit.centred if groups is None else fit.centred - groups.medians(fit.centred)
    return fit.layout.fit(_scores(np.round(centred / ROUNDING) * ROUNDING))


def _scores(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    scores: Floats = ndtri((ranks - 3 / 8) / (len(values) + 1 / 4))
    return scores[places]
