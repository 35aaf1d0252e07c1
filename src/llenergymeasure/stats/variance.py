"""How far measurements differ though nothing changed: within a session, and from session to session.

All on natural logs, so that a deviation is a share of the value. Repeats in one process share its luck (clocks,
temperature, memory layout); a judge that knows only their deviation calls every new session a change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from llenergymeasure.stats.intervals import StandardError

# From here on the variance between sessions is measured; with fewer it is assumed to be the noise floor.
SESSIONS_TO_MEASURE = 5
# How many sessions the assumed floor is worth beside measured ones.
_WEIGHT_OF_FLOOR = 4
# Below this two logs differ only by rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of natural logs.

    Attributes:
        within: of repeats about the mean of their session.
        within_df: degrees of freedom behind it.
        between: of session means about the long-run mean.
        between_df: degrees of freedom behind it; infinite while it is assumed.
    """

    within: float
    within_df: int
    between: float
    between_df: float

    def standard_error(self, session_sizes: Sequence[int], repeats: int) -> StandardError:
        """Of the difference between the mean of `repeats` new values and the mean of sessions of these sizes.

        Degrees of freedom after Satterthwaite, "An approximate distribution of estimates of variance components" (1946).
        """
        n_sessions = len(session_sizes)
        share = math.fsum(1 / size for size in session_sizes) / n_sessions**2
        within = self.within * (share + 1 / repeats)
        between = self.between * (1 + 1 / n_sessions)
        variance = within + between
        uncertainty = within * within / self.within_df + between * between / self.between_df
        return StandardError(math.sqrt(variance), variance * variance / uncertainty if uncertainty > 0 else math.inf)

    def with_sessions(self, n_sessions: int) -> VarianceComponents:
        """The same variances as they would be known after this many baseline sessions."""
        if n_sessions < SESSIONS_TO_MEASURE or math.isfinite(self.between_df):
            return self
        return replace(self, between_df=_WEIGHT_OF_FLOOR + n_sessions - 1)


def variance_components(
    baseline: Sequence[Sequence[float]], current: Sequence[float], floor: float
) -> VarianceComponents:
    """Pooled over baseline sessions and the current one.

    Args:
        baseline: logs by session.
        current: logs of the session that is judged.
        floor: standard deviation that sessions are assumed to have among each other, on the log scale.
    """
    sessions = [*baseline, current]
    within_df = sum(len(session) - 1 for session in sessions)
    within = math.fsum(sum_of_squares(session) for session in sessions) / within_df
    between, between_df = _between_sessions(baseline, within, floor)
    return VarianceComponents(within, within_df, between, between_df)


def _between_sessions(baseline: Sequence[Sequence[float]], within: float, floor: float) -> tuple[float, float]:
    n_sessions = len(baseline)
    if n_sessions < SESSIONS_TO_MEASURE:
        return floor * floor, math.inf
    of_means = sum_of_squares([fmean(session) for session in baseline]) / (n_sessions - 1)
    measured = max(of_means - within * fmean(1 / len(session) for session in baseline), 0.0)
    weighted = _WEIGHT_OF_FLOOR * floor * floor + (n_sessions - 1) * measured
    df = _WEIGHT_OF_FLOOR + n_sessions - 1
    return weighted / df, df


def sum_of_squares(values: Sequence[float]) -> float:
    """Sum of squared deviations from the mean; exactly 0 for values that differ only by rounding."""
    middle = fmean(values)
    deviations = [value - middle for value in values]
    return math.fsum(x * x for x in deviations if abs(x) > ROUNDING)
