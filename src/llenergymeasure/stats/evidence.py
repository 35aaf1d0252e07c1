"""A change beside its noise, and the verdict that follows: the rules in one place, on natural logs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from llenergymeasure.stats.student import t_quantile, t_sf
from llenergymeasure.stats.variance import Noise, Scatter, planned, scatter

Verdict = Literal["regression", "ok", "improved", "inconclusive"]

# One-sided, each way: the interval between the bounds holds the true ratio 9 times in 10.
BOUND = 0.95
# A change counts as detectable when it would be caught this often.
POWER = 0.8
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Evidence:
    """What is known about one metric.

    Attributes:
        change: mean log of the current repeats minus that of the baseline's session means.
        noise: pooled over baseline and current.
        sizes: repeats of each baseline session.
        repeats: of the current run.
        threshold: log of one plus the limit.
        alpha: highest chance of a false alarm.
        higher_is_worse: which way the change counts.
    """

    change: float
    noise: Noise
    sizes: Sequence[int]
    repeats: int
    threshold: float
    alpha: float
    higher_is_worse: bool

    @cached_property
    def scatter(self) -> Scatter:
        """Standard error of the change."""
        return scatter(self.noise, self.sizes, self.repeats)

    @cached_property
    def worse(self) -> float:
        """The change, positive where it is for the worse."""
        return self.turned(self.change)

    @cached_property
    def reach(self) -> float:
        """From the change to each of its one-sided bounds."""
        return t_quantile(BOUND, self.scatter.df) * self.scatter.error

    @property
    def verdict(self) -> Verdict:
        """What is significant and beyond the limit comes first; then what is surely within it."""
        if self._beyond(self.worse):
            return "regression"
        if self._beyond(-self.worse):
            return "improved"
        # A counted number without scatter that stands exactly at its limit is within it.
        if self.worse + self.reach < self.threshold or (self.scatter.error == 0 and not self._over(self.worse)):
            return "ok"
        return "inconclusive"

    def _beyond(self, change: float) -> bool:
        return self._over(change) and self.chance_of(change) < self.alpha

    def _over(self, change: float) -> bool:
        return change > self.threshold + _ROUNDING

    def chance_of(self, change: float) -> float:
        """Chance of a change this large or larger if nothing had changed."""
        if self.scatter.error == 0:
            return 0.0 if change > _ROUNDING else 1.0
        return t_sf(change / self.scatter.error, self.scatter.df)

    @property
    def detectable(self) -> float:
        """The true change for the worse that such a run would call a regression 4 times in 5."""
        needed = max(self.threshold, t_quantile(1 - self.alpha, self.scatter.df) * self.scatter.error)
        return needed + t_quantile(POWER, self.scatter.df) * self.scatter.error

    def with_more(self, sessions: int, repeats: int) -> Evidence:
        """The same noise seen with this many baseline sessions and current repeats."""
        usual = round(sum(self.sizes) / len(self.sizes))
        added = [usual] * (sessions - len(self.sizes))
        return replace(self, noise=planned(self.noise, sessions), sizes=[*self.sizes, *added], repeats=repeats)

    def turned(self, change: float) -> float:
        """Between the metric's own direction and `positive is worse`."""
        return change if self.higher_is_worse else -change

    def percent(self, change: float) -> str:
        """A change (positive is worse) as a change of the metric: `+12%`."""
        return f"{100 * math.expm1(self.turned(change)):+.3g}%"
