"""A change of a metric with its standard error, and the rules of the verdict. All values are natural logs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from llenergymeasure.stats.intervals import StandardError
from llenergymeasure.stats.moments import ROUNDING
from llenergymeasure.stats.variance import VarianceComponents

Verdict = Literal["regression", "ok", "improved", "inconclusive"]

# Level of each one-sided bound; the interval between both bounds contains the true ratio with probability 0.9.
BOUND = 0.95
# Probability with which a detectable change is found.
POWER = 0.8
# A change beyond the limit is measured again below this p, or below alpha where that is larger: the second look decides.
SUSPICION = 0.05


@dataclass(frozen=True)
class Change:
    """The change of one metric against its baseline.

    Attributes:
        log_ratio: mean of the current session means minus that of the baseline's.
        variance: variances, pooled over baseline and current run.
        before: number of repeats of each baseline session.
        now: number of repeats of each current session.
        limit: log of one plus the limit.
        alpha: highest probability of a false alarm.
        higher_is_worse: whether a higher value is worse.
        between: whether the differences between session means count.
    """

    log_ratio: float
    variance: VarianceComponents
    before: Sequence[int]
    now: Sequence[int]
    limit: float
    alpha: float
    higher_is_worse: bool
    between: bool = True

    @cached_property
    def errors(self) -> tuple[StandardError, ...]:
        """Standard errors of the log ratio: a change counts when it is significant by each; the last one is the best estimate."""
        return self.variance.errors(self.before, self.now, between=self.between)

    @cached_property
    def margin(self) -> float:
        """Distance from the log ratio to each of its one-sided bounds."""
        return self.errors[-1].margin(BOUND)

    @cached_property
    def worsening(self) -> float:
        """The log ratio with its sign chosen so that positive means worse."""
        return self.log_ratio if self.higher_is_worse else -self.log_ratio

    @property
    def p_value(self) -> float:
        """Probability of a change at least this bad without a true change."""
        return self._chance_of(self.worsening)

    @property
    def suspected(self) -> bool:
        """Whether the change is beyond the limit, and its p low enough to measure again."""
        return self._is_beyond_limit(self.worsening, max(self.alpha, SUSPICION))

    @property
    def verdict(self) -> Verdict:
        """Regression or improved if significant and beyond the limit; else ok if the bound is within the limit."""
        if self._is_beyond_limit(self.worsening, self.alpha):
            return "regression"
        if self._is_beyond_limit(-self.worsening, self.alpha):
            return "improved"
        # A counted number exactly at its limit is within it.
        at_limit = not any(error.value for error in self.errors) and not self._exceeds_limit(self.worsening)
        return "ok" if at_limit or self.worsening + self.margin < self.limit else "inconclusive"

    def _is_beyond_limit(self, change: float, level: float) -> bool:
        return self._exceeds_limit(change) and self._chance_of(change) < level

    def _exceeds_limit(self, change: float) -> bool:
        return change > self.limit + ROUNDING

    def _chance_of(self, change: float) -> float:
        counted = 0.0 if abs(change) <= ROUNDING else change
        return max(error.p_value(counted) for error in self.errors)

    @property
    def detectable(self) -> float:
        """The true worsening that such a run would report as a regression with probability 0.8."""
        significant = max(error.margin(1 - self.alpha) for error in self.errors)
        return max(self.limit, significant) + self.errors[-1].margin(POWER)

    def ratio_of(self, worsening: float) -> float:
        """The ratio of current to baseline for a worsening."""
        return math.exp(worsening if self.higher_is_worse else -worsening)

    def in_design(self, n_sessions: int, repeats: int) -> Change:
        """The same change with this many baseline sessions (at least the existing ones) and repeats of a current session."""
        usual = round(sum(self.before) / len(self.before))
        added = [usual] * (n_sessions - len(self.before))
        return replace(self, before=[*self.before, *added], now=[repeats] * len(self.now))
