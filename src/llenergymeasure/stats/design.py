"""Larger designs of a comparison, and the smaller changes that they would detect."""

from __future__ import annotations

from dataclasses import dataclass

from llenergymeasure.stats.change import Change

# As many sessions as a baseline keeps.
_SESSIONS = 5
# A larger design is proposed only if it lowers the detectable change by at least a twentieth.
_WORTHWHILE = 0.95


@dataclass(frozen=True)
class Design:
    """The size of a comparison.

    Attributes:
        sessions: number of baseline sessions.
        repeats: number of repeats of a current session.
        minimum_detectable_ratio: the true ratio that is reported as a regression with probability 0.8 at this noise.
    """

    sessions: int
    repeats: int
    minimum_detectable_ratio: float


def larger_designs(change: Change) -> tuple[Design, ...]:
    """Designs with five sessions, or with twice the repeats, if they are worthwhile."""
    sessions, repeats = len(change.before), change.now[0]
    sizes = ((max(_SESSIONS, sessions), repeats), (sessions, 2 * repeats))
    detectable = {size: change.in_design(*size).detectable for size in sizes}
    return tuple(
        Design(*size, change.ratio_of(worsening))
        for size, worsening in detectable.items()
        if worsening < _WORTHWHILE * change.detectable
    )
