"""The variance of measurements without a change: within a session, and between sessions.

All values are natural logs, so a deviation is a share of the value. Repeats in one process have common conditions (clocks,
temperature, memory layout). A comparison that uses only their deviation would report every new session as a change.

The variance between sessions is needed, but few sessions show little of it. So a change is compared with two standard errors:

    assumed   the sessions differ by the noise floor, which is a guess; both parts grow when the repeats are autocorrelated
    seen      the means of the sessions differ as they were seen to differ, and the assumed error fills up what is missing

An alarm needs both: few sessions that happen to agree do not narrow the assumed error, and sessions that differ by more than
the floor widen the error that was seen. docs/adr/0032 has the reasons and the rates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from llenergymeasure.stats.autocorrelation import variance_inflation
from llenergymeasure.stats.intervals import StandardError
from llenergymeasure.stats.moments import sum_of_squares

# The noise floor is worth as much as a variance that was measured with this many degrees of freedom. With fewer than 17, equal
# values would not be within the default limit; with 22 or more, one session of autocorrelated repeats raises too many alarms.
FLOOR_DF = 18
# What was seen has at least this many degrees of freedom: the assumed variance adds the missing ones, and never less than one.
# With one baseline session it adds those of the floor: then the two looks only have to agree.
LEAST_DF = 4
# From this many baseline sessions on, the false alarms do not depend on the noise floor.
SESSIONS_TO_MEASURE = 3


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of natural logs.

    Attributes:
        within: variance of repeats about the mean of their session.
        within_df: its degrees of freedom.
        floor: assumed variance between sessions.
        inflation: factor of both for autocorrelated repeats.
        seen: variance of session means about the mean of their side; None when each side has one session.
    """

    within: float
    within_df: int
    floor: float
    inflation: float = 1.0
    seen: float | None = None

    def errors(self, before: Sequence[int], now: Sequence[int], *, between: bool = True) -> tuple[StandardError, ...]:
        """Standard errors of the difference between the mean of the current session means and that of the baseline's.

        Args:
            before: number of repeats of each baseline session.
            now: number of repeats of each current session.
            between: whether the differences between session means count.
        """
        assumed = self._assumed(before, now)
        shown = between and len(before) + len(now) > 2
        return (assumed, self._seen(before, now, assumed.value**2)) if shown else (assumed,)

    def _assumed(self, before: Sequence[int], now: Sequence[int]) -> StandardError:
        """Degrees of freedom by Satterthwaite, "An approximate distribution of estimates of variance components" (1946)."""
        within = self.within * (_of_mean(before) + _of_mean(now))
        floor = self.floor * (1 / len(before) + 1 / len(now))
        uncertainty = within**2 / self.within_df + floor**2 / FLOOR_DF
        df = (within + floor) ** 2 / uncertainty if uncertainty > 0 else math.inf
        return StandardError(math.sqrt(self.inflation * (within + floor)), df)

    def _seen(self, before: Sequence[int], now: Sequence[int], assumed: float) -> StandardError:
        df = len(before) + len(now) - 2
        guessed_df = FLOOR_DF if len(before) == 1 else max(LEAST_DF - df, 1)
        seen = assumed if self.seen is None else self.seen * (1 / len(before) + 1 / len(now))
        return StandardError(math.sqrt((guessed_df * assumed + df * seen) / (guessed_df + df)), guessed_df + df)


def _of_mean(sizes: Sequence[int]) -> float:
    """The variance of the mean of session means over the variance of one repeat."""
    return math.fsum(1 / size for size in sizes) / len(sizes) ** 2


def variance_components(
    before: Sequence[Sequence[float]], now: Sequence[Sequence[float]], floor: float
) -> VarianceComponents:
    """Variances pooled over the baseline sessions and the current ones.

    Args:
        before: logs by baseline session.
        now: logs by current session; a second look is a session of its own.
        floor: assumed standard deviation between sessions, on the log scale.
    """
    sessions = [*before, *now]
    within_df = sum(len(session) - 1 for session in sessions)
    within = math.fsum(map(sum_of_squares, sessions)) / within_df
    return VarianceComponents(within, within_df, floor * floor, variance_inflation(sessions), _seen(before, now))


def _seen(before: Sequence[Sequence[float]], now: Sequence[Sequence[float]]) -> float | None:
    squares = [sum_of_squares([fmean(session) for session in side]) for side in (before, now)]
    df = len(before) + len(now) - 2
    return math.fsum(squares) / df if df else None
