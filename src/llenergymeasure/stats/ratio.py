"""Ratios of two measurements with their 95 % intervals, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from llenergymeasure.stats.intervals import StandardError

# Both ends of an interval that contains the true ratio with probability 0.95.
LEVEL = 0.975


@dataclass(frozen=True)
class RatioEstimate:
    """A ratio with its interval.

    Attributes:
        value: the ratio.
        low, high: ends of the 95 % interval; None when the spread is not known.
    """

    value: float
    low: float | None = None
    high: float | None = None


def ratio_of_repeats(first: Sequence[float], second: Sequence[float]) -> RatioEstimate:
    """The geometric mean of the second over that of the first.

    The interval is that of Welch, which allows different spreads; it needs two values on each side.
    B. L. Welch, Biometrika 34 (1947), 28-35, doi:10.1093/biomet/34.1-2.28.

    Args:
        first, second: positive values in one unit.
    """
    logs = [[math.log(value) for value in values] for values in (first, second)]
    difference = fmean(logs[1]) - fmean(logs[0])
    if min(map(len, logs)) < 2:
        return RatioEstimate(math.exp(difference))
    parts = [variance(values) / len(values) for values in logs]
    total = math.fsum(parts)
    if total == 0:
        return RatioEstimate(*[math.exp(difference)] * 3)
    df = total**2 / math.fsum(part**2 / (len(values) - 1) for part, values in zip(parts, logs))
    margin = StandardError(math.sqrt(total), df).margin(LEVEL)
    return RatioEstimate(math.exp(difference), math.exp(difference - margin), math.exp(difference + margin))


def ratio_of_readings(first: tuple[float, float], second: tuple[float, float]) -> RatioEstimate:
    """The second over the first of two readings.

    Args:
        first, second: the positive reading, and its expanded uncertainty (k = 2, so about 95 %) in the same unit.
    """
    difference = math.log(second[0] / first[0])
    margin = math.hypot(*(uncertainty / value for value, uncertainty in (first, second)))
    return RatioEstimate(math.exp(difference), math.exp(difference - margin), math.exp(difference + margin))
