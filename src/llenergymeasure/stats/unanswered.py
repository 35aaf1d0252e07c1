"""Percentiles of a sample some of whose members have no value because they never ended: they are larger than every value."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile_of_all(values: Sequence[float], missing: int, share: float) -> float | None:
    """A percentile of a sample with members that are larger than every value.

    Args:
        values: the known values, at least one.
        missing: the number of the other members.
        share: the percentile as a share, 0 to 1, with linear interpolation between values.

    Returns:
        The percentile; between the largest value and a member without a value it is that value. None where it is such a member.
    """
    ordered = sorted(values)
    rank = share * (len(ordered) + missing - 1)
    below = math.floor(rank)
    if below >= len(ordered):
        return None
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (rank - below) * (ordered[above] - ordered[below])
