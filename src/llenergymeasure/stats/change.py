"""A change beside its standard error, and the verdict that follows: the rules in one place, on natural logs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from llenergymeasure.stats.intervals import StandardError
from llenergymeasure.stats.variance import ROUNDING, VarianceComponents

Verdict = Literal["regression", "ok", "improved", "inconclusive"]

# One-sided, each way: the interval between the bounds holds the true ratio 9 times in 10.
BOUND = 0.95
# A change counts as detectable when it would be caught this often.
POWER = 0.8


@dataclass(frozen=True)
class Change:
    """What is known about one metric.

    Attributes:
        log_ratio: mean log of the current repeats minus that of the baseline's session means.
        variance: pooled over baseline and current.
        session_sizes: repeats of each baseline session.
        repeats: of the current run.
        limit: log of one plus the limit.
        alpha: highest chance of a false alarm.
        higher_is_worse: which way the change counts.
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
        """Of the log ratio."""
        return self.variance.standard_error(self.session_sizes, self.repeats)

    @cached_property
    def margin(self) -> float:
        """From the log ratio to each of its one-sided bounds."""
        return self.error.margin(BOUND)

    @cached_property
    def worsening(self) -> float:
        """The log ratio, positive where the change is for the worse."""
        return self.log_ratio if self.higher_is_worse else -self.log_ratio

    @property
    def p_value(self) -> float:
        """Chance of a change this far towards worse if nothing had changed."""
        return self._chance_of(self.worsening)

    @property
    def verdict(self) -> Verdict:
        """What is significant and beyond the limit comes first; then what is surely within it."""
        if self._is_beyond_limit(self.worsening):
            return "regression"
        if self._is_beyond_limit(-self.worsening):
            return "improved"
        # A counted number that stands exactly at its limit is within it.
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
        """The true change for the worse that such a run would call a regression 4 times in 5."""
        return max(self.limit, self.error.margin(1 - self.alpha)) + self.error.margin(POWER)

    def ratio_of(self, worsening: float) -> float:
        """The ratio, current over baseline, of a change for the worse."""
        return math.exp(worsening if self.higher_is_worse else -worsening)

    def in_design(self, n_sessions: int, repeats: int) -> Change:
        """The same change seen with this many baseline sessions (at least those there are) and current repeats."""
        usual = round(sum(self.session_sizes) / len(self.session_sizes))
        added = [usual] * (n_sessions - len(self.session_sizes))
        sizes = [*self.session_sizes, *added]
        return replace(self, variance=self.variance.with_sessions(n_sessions), session_sizes=sizes, repeats=repeats)
