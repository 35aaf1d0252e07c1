"""The levels of a factor against its reference level, its span, and its test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llenergymeasure.stats.factorial.grid import Estimates
from llenergymeasure.stats.factorial.inference import ErrorTerm, detectable, f_test


@dataclass(frozen=True)
class Difference:
    """A difference of logs with half the width of its interval; None without degrees of freedom."""

    value: float
    margin: float | None


@dataclass(frozen=True)
class Levels:
    """What a fit shows about the levels of a factor.

    Attributes:
        means: of each level.
        differences: of each level to the reference's.
        lowest, highest: indices of the levels with the smallest and the largest mean.
        span: difference of these two.
        p_value: of the F test that all levels are equal; None without degrees of freedom.
        detectable: the smallest difference of two levels that would be found with probability 0.8, of the two that are
            compared least exactly; None without degrees of freedom.
    """

    means: tuple[float, ...]
    differences: tuple[Difference, ...]
    lowest: int
    highest: int
    span: Difference
    p_value: float | None
    detectable: float | None


def compare_levels(found: Estimates, error: ErrorTerm, reference: int, alpha: float) -> Levels:
    """Compare the levels of a factor.

    Args:
        found: means of the levels.
        error: the variance of a run.
        reference: index of the reference level.
        alpha: level of the test for what is detectable.
    """
    lowest, highest = int(np.argmin(found.values)), int(np.argmax(found.values))
    contrasts = found.contrasts
    return Levels(
        means=tuple(found.values.tolist()),
        differences=tuple(difference(found, level, reference, error) for level in range(len(found.values))),
        lowest=lowest,
        highest=highest,
        span=difference(found, highest, lowest, error),
        p_value=f_test(contrasts.values, contrasts.covariance, error),
        detectable=detectable(_largest_variance(found), error, alpha),
    )


def difference(found: Estimates, one: int, other: int, error: ErrorTerm) -> Difference:
    """One estimate minus another."""
    covariance = found.covariance
    variance = covariance[one, one] + covariance[other, other] - 2 * covariance[one, other]
    return Difference(float(found.values[one] - found.values[other]), error.margin(float(variance)))


def _largest_variance(found: Estimates) -> float:
    diagonal = np.diag(found.covariance)
    return float((diagonal[:, None] + diagonal[None, :] - 2 * found.covariance).max())
