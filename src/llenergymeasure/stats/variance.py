"""How far a measurement strays though nothing changed: within a session, and from session to session.

All on natural logs, so that a spread is a share of the value. Repeats in one process share its luck (clocks,
temperature, memory layout); a judge that knows only their spread calls every new session a change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

# From here on the spread between sessions is measured; with fewer it is assumed to be the noise floor.
SESSIONS_TO_MEASURE = 5
# How many sessions the assumed floor is worth beside measured ones.
_WEIGHT_OF_FLOOR = 4
# Below this two logs differ only by rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Noise:
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


@dataclass(frozen=True)
class Scatter:
    """Standard error of the difference of two means, with its degrees of freedom (may be infinite)."""

    error: float
    df: float


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean of at least one value."""
    return math.fsum(values) / len(values)


def squares(values: Sequence[float]) -> float:
    """Sum of squared deviations from the mean; exactly 0 for equal values."""
    middle = mean(values)
    deviations = [value - middle for value in values]
    return math.fsum(x * x for x in deviations if abs(x) > _ROUNDING)


def estimate(baseline: Sequence[Sequence[float]], current: Sequence[float], floor: float) -> Noise:
    """Pooled noise of baseline sessions and the current one.

    Args:
        baseline: logs by session.
        current: logs of the session that is judged.
        floor: standard deviation that sessions are assumed to have among each other, on the log scale.
    """
    sessions = [*baseline, current]
    within_df = sum(len(session) - 1 for session in sessions)
    within = math.fsum(squares(session) for session in sessions) / within_df
    between, between_df = _between_sessions(baseline, within, floor)
    return Noise(within, within_df, between, between_df)


def _between_sessions(baseline: Sequence[Sequence[float]], within: float, floor: float) -> tuple[float, float]:
    n_sessions = len(baseline)
    if n_sessions < SESSIONS_TO_MEASURE:
        return floor * floor, math.inf
    seen = squares([mean(session) for session in baseline]) / (n_sessions - 1)
    measured = max(seen - within * mean([1 / len(session) for session in baseline]), 0.0)
    weighted = _WEIGHT_OF_FLOOR * floor * floor + (n_sessions - 1) * measured
    df = _WEIGHT_OF_FLOOR + n_sessions - 1
    return weighted / df, df


def scatter(noise: Noise, sizes: Sequence[int], repeats: int) -> Scatter:
    """Of the difference between the mean of `repeats` new values and the mean of sessions of these sizes.

    Degrees of freedom after Satterthwaite, "An approximate distribution of estimates of variance components" (1946).
    """
    n_sessions = len(sizes)
    share = math.fsum(1 / size for size in sizes) / n_sessions**2
    within = noise.within * (share + 1 / repeats)
    between = noise.between * (1 + 1 / n_sessions)
    variance = within + between
    doubt = within * within / noise.within_df + between * between / noise.between_df
    return Scatter(math.sqrt(variance), variance * variance / doubt if doubt > 0 else math.inf)


def planned(noise: Noise, n_sessions: int) -> Noise:
    """What would be known of the same noise after this many baseline sessions."""
    if n_sessions < SESSIONS_TO_MEASURE or math.isfinite(noise.between_df):
        return noise
    return replace(noise, between_df=_WEIGHT_OF_FLOOR + n_sessions - 1)
