"""Finds cells whose runs vary more than those of the other cells, although a fit has one variance for all."""

from __future__ import annotations

import numpy as np
from scipy.special import fdtrc

from llenergymeasure.stats.factorial.layout import ROUNDING, CellFit

# Probability of a finding without a difference, over all cells together (Bonferroni).
LEVEL = 0.01


def cells_that_vary_more(values: CellFit) -> dict[int, float]:
    """By cell, the standard deviation of its runs over that of the runs of the other cells; only where it is significantly larger.

    The variances are those about the means of the cells, compared by the F distribution. What the runs of a block have in common
    is in all of them. It is not removed, because an estimate of the blocks would move the deviations of one cell into the others.
    So only cells with a run in every block are compared.

    Args:
        values: the fit of the logs.
    """
    cells, is_whole = values.layout.cells, (values.layout.counts > 0).all(axis=1)
    runs = values.residuals + values.offsets[values.layout.blocks] + values.means[cells]
    counts = np.bincount(cells)
    squares = is_whole * np.bincount(cells, (runs - (np.bincount(cells, runs) / counts)[cells]) ** 2)
    freedom = is_whole * (counts - 1.0)
    others, freedom_of_others = squares.sum() - squares, freedom.sum() - freedom
    known = (freedom > 0) & (freedom_of_others > 0) & (others > ROUNDING**2)
    ratios = np.ones_like(squares)
    ratios[known] = squares[known] / freedom[known] / (others[known] / freedom_of_others[known])
    p_values = np.where(known, fdtrc(freedom, np.maximum(freedom_of_others, 1.0), ratios), 1.0)
    return {int(cell): float(np.sqrt(ratios[cell])) for cell in np.flatnonzero(p_values * is_whole.sum() < LEVEL)}
