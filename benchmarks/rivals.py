"""The rules of other tools, for one metric that should not rise; `judge` compares with them.

They are implemented here because scipy's tests take forty times as long, and the simulation calls them 36,000 times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import chain
from statistics import fmean

from llenergymeasure.stats.intervals import StandardError
from llenergymeasure.stats.moments import sum_of_squares

Values = Sequence[float]


def mean_threshold(baseline: Sequence[Values], current: Values, threshold: float, alpha: float) -> bool:
    """The mean of the current repeats is beyond the baseline's by more than the threshold."""
    return fmean(current) > fmean(chain.from_iterable(baseline)) * (1 + threshold)


def welch(baseline: Sequence[Values], current: Values, threshold: float, alpha: float) -> bool:
    """Welch's one-sided t-test over all repeats, as if there were no sessions."""
    before = list(chain.from_iterable(baseline))
    a, b = (sum_of_squares(x) / (len(x) - 1) / len(x) for x in (before, current))
    df = (a + b) ** 2 / (a**2 / (len(before) - 1) + b**2 / (len(current) - 1))
    return StandardError(math.sqrt(a + b), df).p_value(fmean(current) - fmean(before)) < alpha


def mann_whitney(baseline: Sequence[Values], current: Values, threshold: float, alpha: float) -> bool:
    """The exact one-sided Mann-Whitney test over all repeats, as if there were no sessions."""
    before = list(chain.from_iterable(baseline))
    wins = sum(x > y for x in current for y in before)
    n, m = len(before), len(current)
    losses = n * m - wins
    return sum(ways(n, m, u) for u in range(losses + 1)) / math.comb(n + m, n) < alpha


@cache
def ways(n: int, m: int, u: int) -> int:
    """Orders of n and m values in which one of the first kind is above one of the second u times (Mann 1947)."""
    if u < 0 or u > n * m:
        return 0
    if n == 0 or m == 0:
        return 1
    return ways(n - 1, m, u - m) + ways(n, m - 1, u)
