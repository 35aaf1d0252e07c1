"""A change of a metric with its standard error, and the rules of the verdict. All values are natural logs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from llenergymeasure.stats.intervals import StandardError
from llenergymeasure.stats.variance import ROUNDING, VarianceComponents

Verdict = Literal["regression", "ok", "improved", "inconclusive"]

# Level of each one-sided bound; the interval between both bounds contains the true ratio with probability 0.9.
BOUND = 0.95
# Probability with which a detectable change is found.
POWER = 0.8


@dataclass(frozen=True)
class Change:
    """The change of one metric against its baseline.

    Attributes:
        log_ratio: mean log of the current repeats minus that of the baseline's session means.
        variance: variances, pooled over baseline and current run.
        session_sizes: number of repeats of each baseline session.
        repeats: number of repeats of the current run.
        limit: log of one plus the limit.
        alpha: highest probability of a false alarm.
        higher_is_worse: whether a higher value is worse.
    """

    log_ratio: float
    variance: VarianceComponents
    session_sizes: Sequence[int]
    repeats: int
    limit: float
    alpha: float
    higher_is_worse: bool

    @cached_property
    def error(self) -> StandardError:
        """Standard error of the log ratio."""
        return self.variance.standard_error(self.session_sizes, self.repeats)

    @cached_property
    def margin(self) -> float:
        """Distance from the log ratio to each of its one-sided bounds."""
        return self.error.margin(BOUND)

    @cached_property
    def worsening(self) -> float:
        """The log ratio with its sign chosen so that positive means worse."""
        return self.log_ratio if self.higher_is_worse else -self.log_ratio

    @property
    def p_value(self) -> float:
        """Probability of a change at least this bad without a true change."""
        return self._chance_of(self.worsening)

    @property
    def verdict(self) -> Verdict:
        """Regression or improved if significant and beyond the limit; else ok if the bound is within the limit."""
        if self._is_beyond_limit(self.worsening):
            return "regression"
        if self._is_beyond_limit(-self.worsening):
            return "improved"
        # A counted number exactly at its limit is within it.
        at_limit = self.error.value == 0 and not self._exceeds_limit(self.worsening)
        return "ok" if at_limit or self.worsening + self.margin < self.limit else "inconclusive"

    def _is_beyond_limit(self, change: float) -> bool:
        return self._exceeds_limit(change) and self._chance_of(change) < self.alpha

    def _exceeds_limit(self, change: float) -> bool:
        return change > self.limit + ROUNDING

    def _chance_of(self, change: float) -> float:
        return self.error.p_value(0.0 if abs(change) <= ROUNDING else change)

    @property
    def detectable(self) -> float:
        """The true worsening that such a run would report as a regression with probability 0.8."""
        return max(self.limit, self.error.margin(1 - self.alpha)) + self.error.margin(POWER)

    def ratio_of(self, worsening: float) -> float:
        """The ratio of current to baseline for a worsening."""
        return math.exp(worsening if self.higher_is_worse else -worsening)

    def in_design(self, n_sessions: int, repeats: int) -> Change:
        """The same change with this many baseline sessions (at least the existing ones) and current repeats."""
        usual = round(sum(self.session_sizes) / len(self.session_sizes))
        added = [usual] * (n_sessions - len(self.session_sizes))
        sizes = [*self.session_sizes, *added]
        return replace(self, variance=self.variance.with_sessions(n_sessions), session_sizes=sizes, repeats=repeats)
