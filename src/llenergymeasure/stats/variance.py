"""The variance of measurements without a change: within a session, and between sessions.

All values are natural logs, so a deviation is a share of the value. Repeats in one process have common conditions (clocks,
temperature, memory layout). A comparison that knows only their deviation would report every new session as a change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from llenergymeasure.stats.intervals import StandardError

# Least number of sessions to measure the variance between sessions; with fewer, the noise floor is assumed.
SESSIONS_TO_MEASURE = 5
# Weight of the assumed noise floor, in sessions.
_WEIGHT_OF_FLOOR = 4
# Largest difference of two logs that is attributed to rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of natural logs.

    Attributes:
        within: variance of repeats about the mean of their session.
        within_df: its degrees of freedom.
        between: variance of session means about the long-run mean.
        between_df: its degrees of freedom; infinite when the variance is assumed.
    """

    within: float
    within_df: int
    between: float
    between_df: float

    def standard_error(self, session_sizes: Sequence[int], repeats: int) -> StandardError:
        """Standard error of the difference between the mean of `repeats` new values and the mean of the sessions.

        Degrees of freedom by Satterthwaite, "An approximate distribution of estimates of variance components" (1946).
        """
        n_sessions = len(session_sizes)
        share = math.fsum(1 / size for size in session_sizes) / n_sessions**2
        within = self.within * (share + 1 / repeats)
        between = self.between * (1 + 1 / n_sessions)
        variance = within + between
        uncertainty = within * within / self.within_df + between * between / self.between_df
        return StandardError(math.sqrt(variance), variance * variance / uncertainty if uncertainty > 0 else math.inf)

    def with_sessions(self, n_sessions: int) -> VarianceComponents:
        """The same variances with the degrees of freedom after this many baseline sessions."""
        if n_sessions < SESSIONS_TO_MEASURE or math.isfinite(self.between_df):
            return self
        return replace(self, between_df=_WEIGHT_OF_FLOOR + n_sessions - 1)


def variance_components(
    baseline: Sequence[Sequence[float]], current: Sequence[float], floor: float
) -> VarianceComponents:
    """Variances pooled over the baseline sessions and the current session.

    Args:
        baseline: logs by session.
        current: logs of the current session.
        floor: assumed standard deviation between sessions, on the log scale.
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
