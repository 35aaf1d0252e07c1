"""Normal scores of ranks: a few runs that differ strongly have little effect on a test on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from llenergymeasure.stats.factorial.layout import ROUNDING, CellFit, Floats, Ints


def normal_ranks(fit: CellFit, groups: Sequence[int] | None = None) -> CellFit:
    """The same fit on normal scores of the ranks of all runs, after the blocks' offsets are subtracted.

    Where a factor is tested, the median of the cells that differ only in this factor is subtracted too. Without that, a large
    effect of another factor would separate the ranks into clusters, and a small effect inside each would not be found. Ranks
    after alignment are those of Hodges and Lehmann, "Rank Methods for Combination of Independent Experiments" (1962), scores
    those of Blom, "Statistical Estimates and Transformed Beta-Variables" (1958). Ranks of equal values are averaged.

    Args:
        fit: the fit on logs.
        groups: number of the group of each cell whose median is subtracted, from 0; None = no groups.
    """
    centred = fit.means[fit.layout.cells] + fit.residuals
    if groups is not None:
        centred = centred - _medians(centred, np.asarray(groups, np.int64)[fit.layout.cells])
    return fit.layout.fit(_scores(np.round(centred / ROUNDING) * ROUNDING))


def _medians(values: Floats, groups: Ints) -> Floats:
    """The median of its group, for each value."""
    order = np.lexsort((values, groups))
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    ordered = values[order]
    medians: Floats = (ordered[starts + (sizes - 1) // 2] + ordered[starts + sizes // 2]) / 2
    return medians[groups]


def _scores(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    scores: Floats = ndtri((ranks[places] - 3 / 8) / (len(values) + 1 / 4))
    return scores
