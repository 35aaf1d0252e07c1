"""Two error terms of a split plot: runs that share a level of a factor are adjacent in a cycle.

What drifts between groups of runs does not average out over the runs of a group, so a factor that differs between groups is
tested against the variation between groups (Yates, "Complex Experiments", 1935).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llenergymeasure.stats.factorial.inference import ErrorTerm
from llenergymeasure.stats.factorial.layout import CellFit, Ints, Layout


@dataclass(frozen=True)
class Strata:
    """The variance of a run for effects between groups and inside them; without degrees of freedom where it is not known."""

    between: ErrorTerm
    inside: ErrorTerm


def strata(fit: CellFit, groups: Sequence[int]) -> Strata:
    """The two error terms. That between groups needs groups of one size, and a run of all cells in each block.

    Args:
        fit: the fit of all runs.
        groups: number of the group of each cell, from 0.
    """
    layout, group_of = fit.layout, np.asarray(groups, np.int64)
    plots = group_of[layout.cells] * layout.counts.shape[1] + layout.blocks
    _, numbers = np.unique(plots, return_inverse=True)
    finer = Layout(layout.cells, numbers.astype(np.int64))
    inside = finer.fit(fit.centred)
    return Strata(_between(fit, group_of, numbers), ErrorTerm.of(inside.sum_of_squares, finer.freedom))


def _between(fit: CellFit, groups: Ints, plots: Ints) -> ErrorTerm:
    sizes = np.bincount(groups)
    if len(sizes) < 2 or len(set(sizes.tolist())) != 1 or not (fit.layout.counts == 1).all():
        return ErrorTerm(0.0, 0)
    totals = np.bincount(plots, fit.residuals)
    return ErrorTerm.of(float(totals @ totals) / sizes[0], (fit.layout.counts.shape[1] - 1) * (len(sizes) - 1))
