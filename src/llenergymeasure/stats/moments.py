"""Sums of squares that rounding does not change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

# Largest difference of two logs that is attributed to rounding.
ROUNDING = 1e-12


def sum_of_squares(values: Sequence[float]) -> float:
    """Sum of squared deviations from the mean; exactly 0 for values that differ only by rounding."""
    middle = fmean(values)
    deviations = [value - middle for value in values]
    return math.fsum(x * x for x in deviations if abs(x) > ROUNDING)
