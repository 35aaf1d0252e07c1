"""All cells against one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llenergymeasure.stats.factorial.inference import ErrorTerm, holm, t_tests
from llenergymeasure.stats.factorial.layout import LARGEST_LOG, CellFit, Floats


@dataclass(frozen=True)
class Intervals:
    """Estimates with the ends of their intervals, no longer as logs; None without degrees of freedom."""

    values: Sequence[float]
    lows: Sequence[float | None]
    highs: Sequence[float | None]


@dataclass(frozen=True)
class Against:
    """Cells and their ratios to a reference cell, in the order of the cells.

    Attributes:
        means: geometric means.
        ratios: ratios to the reference.
        p_holm: p of each ratio, corrected for the number of the other cells; None without degrees of freedom.
    """

    means: Intervals
    ratios: Intervals
    p_holm: Sequence[float] | None


def against(fit: CellFit, reference: int, error: ErrorTerm) -> Against:
    """Compare all cells with one."""
    layout = fit.layout
    through_blocks = layout.profile @ layout.block_covariance
    of_means = 1 / layout.per_cell + np.einsum("cb,cb->c", through_blocks, layout.profile)
    shared = np.einsum("cb,b->c", through_blocks, layout.profile[reference])
    shared[reference] += 1 / layout.per_cell[reference]
    variances = np.maximum(of_means + of_means[reference] - 2 * shared, 0.0)
    differences = fit.means - fit.means[reference]
    p_values = t_tests(differences, variances, error)
    return Against(
        means=_intervals(fit.means, error.margins(of_means)),
        ratios=_intervals(differences, error.margins(variances)),
        p_holm=None if p_values is None else _corrected(p_values, reference),
    )


def _intervals(logs: Floats, margins: Floats | None) -> Intervals:
    if margins is None:
        nothing = [None] * len(logs)
        return Intervals(_ratios(logs), nothing, nothing)
    return Intervals(_ratios(logs), _ratios(logs - margins), _ratios(logs + margins))


def _ratios(logs: Floats) -> list[float]:
    """The logs as ratios; with one degree of freedom an end of an interval may be beyond every number."""
    ratios: list[float] = np.exp(np.clip(logs, -LARGEST_LOG, LARGEST_LOG)).tolist()
    return ratios


def _corrected(p_values: Floats, reference: int) -> list[float]:
    """Holm's correction over all cells but the reference, whose p is unchanged."""
    others = np.arange(len(p_values)) != reference
    p_values[others] = holm(p_values[others].tolist())
    corrected: list[float] = p_values.tolist()
    return corrected
