"""Absolute limits: is the mean of a metric within a limit, given the variation of its repeats?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from llenergymeasure.stats.change import BOUND
from llenergymeasure.stats.comparison import MIN_REPEATS
from llenergymeasure.stats.intervals import StandardError
from llenergymeasure.stats.moments import sum_of_squares
from llenergymeasure.stats.values import finite


@dataclass(frozen=True)
class BudgetOutcome:
    """How a metric compares with an absolute limit, in the metric's unit.

    Attributes:
        verdict: `over`: the mean is significantly beyond the limit, which fails the test; `ok`: its 95 % bound is within
            the limit; `inconclusive` otherwise.
        n_repeats: number of values.
        mean: arithmetic mean of the repeats; None without one.
        low, high: one-sided 95 % bounds of the mean each; None with too few repeats.
        p_value: probability of such a mean if the true value were the limit; None with too few repeats.
    """

    verdict: Literal["ok", "over", "inconclusive"]
    n_repeats: int
    mean: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


def check_budget(
    current: Sequence[float], limit: float, *, alpha: float = 0.01, higher_is_worse: bool = True
) -> BudgetOutcome:
    """Judge repeats against an absolute limit; for a metric where higher is better, the limit is a minimum.

    This accounts for the variation of the repeats, not for the gain error of the sensor, which is the same in every repeat.
    Leave a margin for the meter's uncertainty where the limit must hold absolutely.

    Args:
        current: values in the metric's unit; zero is allowed.
        limit: in the same unit.
        alpha: highest probability of a false alarm.
        higher_is_worse: False for a metric where higher is better.

    Raises:
        UnusableValue: a value is missing or not finite.
    """
    values = finite(current, "current")
    if len(values) < MIN_REPEATS:
        return BudgetOutcome("inconclusive", len(values), fmean(values) if values else None)
    mean = fmean(values)
    error = _error_of_mean(values)
    beyond = mean - limit if higher_is_worse else limit - mean
    p_value, margin = error.p_value(beyond), error.margin(BOUND)
    verdict: Literal["ok", "over", "inconclusive"] = "inconclusive"
    if beyond > 0 and p_value < alpha:
        verdict = "over"
    elif beyond + margin <= 0:
        verdict = "ok"
    return BudgetOutcome(verdict, len(values), mean, mean - margin, mean + margin, p_value)


def _error_of_mean(values: Sequence[float]) -> StandardError:
    df = len(values) - 1
    return StandardError(math.sqrt(sum_of_squares(values) / df / len(values)), df)
