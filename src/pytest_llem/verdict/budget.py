"""Absolute limits: is the metric below a number in its own unit, beyond what its repeats scatter?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llenergymeasure.stats.comparison import MIN_REPEATS, JudgeError
from llenergymeasure.stats.evidence import BOUND
from llenergymeasure.stats.student import t_quantile, t_sf
from llenergymeasure.stats.variance import mean, squares
from pytest_llem.limits import Limit


@dataclass(frozen=True)
class BudgetOutcome:
    """How a metric stands to an absolute limit, in the metric's unit.

    Attributes:
        verdict: `over` fails: the mean is beyond the limit, and by more than scatter explains; `ok`: its 95 % bound is
            within the limit; `inconclusive` otherwise.
        mean: arithmetic mean of the repeats; None without one.
        low, high: one-sided 95 % bounds of the mean each; None with too few repeats.
        p_value: chance of a mean this far beyond the limit if the truth were at it; None with too few repeats.
        limit: the limit.
        advice: what would help; empty when nothing is needed.
    """

    verdict: Literal["ok", "over", "inconclusive"]
    mean: float | None
    low: float | None
    high: float | None
    p_value: float | None
    limit: float
    advice: str


def check_budget(current: Sequence[float], limit: Limit, *, alpha: float = 0.01) -> BudgetOutcome:
    """Judge repeats against an absolute limit; for what should be large the limit is a least value.

    Covers the scatter of the repeats, not the gain of the sensor, which is the same in every repeat: where the limit
    must hold absolutely, leave room for the meter's uncertainty.

    Args:
        current: values in the metric's unit; zero is a value here.
        limit: absolute.
        alpha: highest chance of a false alarm.

    Raises:
        JudgeError: a value is missing or not finite, or the limit is relative.
    """
    if limit.relative:
        raise JudgeError(f"{limit} is relative: it needs a baseline, see compare")
    _all_finite(current, limit)
    if len(current) < MIN_REPEATS:
        advice = f"a verdict needs {MIN_REPEATS} repeats or more, not {len(current)}; raise --llem-repeats"
        return BudgetOutcome("inconclusive", mean(current) if current else None, None, None, None, limit.value, advice)
    return _judged(current, limit, alpha)


def _all_finite(values: Sequence[float | None], limit: Limit) -> None:
    for number, value in enumerate(values, 1):
        if value is None or not math.isfinite(value):
            raise JudgeError(f"{limit.metric}: repeat {number} is {value}; only finite values can be compared")


def _judged(current: Sequence[float], limit: Limit, alpha: float) -> BudgetOutcome:
    middle, df = mean(current), len(current) - 1
    spread = math.sqrt(squares(current) / df / len(current))
    reach = t_quantile(BOUND, df) * spread
    beyond = middle - limit.value if limit.known.higher_is_worse else limit.value - middle
    p_value = t_sf(beyond / spread, df) if spread > 0 else float(beyond <= 0)
    verdict: Literal["ok", "over", "inconclusive"] = "inconclusive"
    if beyond > 0 and p_value < alpha:
        verdict = "over"
    elif beyond + reach <= 0:
        verdict = "ok"
    advice = f"more repeats narrow it down: now {len(current)}" if verdict == "inconclusive" else ""
    return BudgetOutcome(verdict, middle, middle - reach, middle + reach, p_value, limit.value, advice)
