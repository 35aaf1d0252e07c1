"""Larger comparisons, and how much smaller a change they would detect."""

from __future__ import annotations

from dataclasses import dataclass

from llenergymeasure.stats.change import Change
from llenergymeasure.stats.variance import SESSIONS_TO_MEASURE

# A larger design that lowers the detectable change by less than a twentieth is not worth its time.
_WORTHWHILE = 0.95


@dataclass(frozen=True)
class Design:
    """A size of a comparison.

    Attributes:
        sessions: of the baseline.
        repeats: of the current run.
        minimum_detectable_ratio: a true ratio that would be a regression 4 times in 5 at the noise that was seen.
    """

    sessions: int
    repeats: int
    minimum_detectable_ratio: float


def larger_designs(change: Change) -> tuple[Design, ...]:
    """With sessions enough to measure their variance, and with twice the repeats; only those that are worthwhile."""
    sessions, repeats = len(change.session_sizes), change.repeats
    sizes = ((max(SESSIONS_TO_MEASURE, sessions), repeats), (sessions, 2 * repeats))
    detectable = {size: change.in_design(*size).detectable for size in sizes}
    return tuple(
        Design(*size, change.ratio_of(worsening))
        for size, worsening in detectable.items()
        if worsening < _WORTHWHILE * change.detectable
    )
