"""All cells against one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llenergymeasure.stats.factorial.inference import ErrorTerm, holm, t_tests
from llenergymeasure.stats.factorial.layout import CellFit, Floats


@dataclass(frozen=True)
class Against:
    """Means of cells, and their differences to a reference cell, in the order of the cells.

    Attributes:
        means: means.
        mean_margins: half the widths of their intervals; None without degrees of freedom.
        differences: differences to the reference.
        margins: half the widths of their intervals; None without degrees of freedom.
        p_holm: p of each difference, corrected for the number of the other cells; None without degrees of freedom.
    """

    means: tuple[float, ...]
    mean_margins: tuple[float, ...] | None
    differences: tuple[float, ...]
    margins: tuple[float, ...] | None
    p_holm: tuple[float, ...] | None


def against(fit: CellFit, reference: int, error: ErrorTerm) -> Against:
    """Compare all cells with one."""
    layout = fit.layout
    through_blocks = layout.profile @ layout.block_covariance
    of_means = 1 / layout.per_cell + np.einsum("cb,cb->c", through_blocks, layout.profile)
    shared = through_blocks @ layout.profile[reference]
    shared[reference] += 1 / layout.per_cell[reference]
    variances = np.maximum(of_means + of_means[reference] - 2 * shared, 0.0)
    differences = fit.means - fit.means[reference]
    others = np.arange(len(differences)) != reference
    p_values = t_tests(differences, variances, error)
    if p_values is not None:
        p_values[others] = holm(p_values[others].tolist())
    return Against(
        means=tuple(fit.means.tolist()),
        mean_margins=_listed(error.margins(of_means)),
        differences=tuple(differences.tolist()),
        margins=_listed(error.margins(variances)),
        p_holm=_listed(p_values),
    )


def _listed(values: Floats | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(values.tolist())
