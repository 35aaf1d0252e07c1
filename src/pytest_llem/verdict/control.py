"""Control tests: a load that never changes. When its values shift, the cause is the machine and not the code.

A control is compared with the variation of its own repeats only. Other tests also allow for the assumed variation between
sessions; with that, a control could not detect a shift of this size, which is its purpose. With the noise floor alone, two
in five unchanged machines would seem to have shifted at a CV of 3 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llenergymeasure.domain.metrics import Metric
from llenergymeasure.stats.comparison import compare
from pytest_llem.limits import JUDGED
from pytest_llem.verdict.verdict import percent


@dataclass(frozen=True)
class Shift:
    """A shift of the machine: the control's current value over its baseline, with one-sided 95 % bounds."""

    metric: str
    ratio: float
    ratio_low: float
    ratio_high: float

    def __str__(self) -> str:
        bounds = f"{percent(self.ratio_low)} to {percent(self.ratio_high)}"
        return f"machine shifted: {self.metric} of the control {percent(self.ratio)} ({bounds})"


def machine_shift(
    metric: str, baseline: Sequence[Sequence[float]], current: Sequence[float], noise_floor: float = 0.02
) -> Shift | None:
    """Whether a control shifted in either direction by more than the noise floor and more than its repeats explain.

    Args:
        metric: its name.
        baseline: values by session.
        current: values of this run.
        noise_floor: as a fraction.

    Returns:
        The shift; None when there is none, or when there are fewer than 3 repeats.

    Raises:
        UnusableValue: a value is missing, not finite or not above zero.
    """
    found = compare(baseline, [current], limit=noise_floor, between=False)
    if found.ratio is None or found.ratio_low is None or found.ratio_high is None:
        return None
    moved = abs(math.log(found.ratio)) > math.log1p(noise_floor)
    beyond_scatter = not found.ratio_low <= 1.0 <= found.ratio_high
    return Shift(metric, found.ratio, found.ratio_low, found.ratio_high) if moved and beyond_scatter else None


def explaining_shift(metric: Metric, shifts: Sequence[Shift]) -> Shift | None:
    """The shift that may have caused a regression of this metric in another test of the same run; None without one.

    A shift excuses metrics of its own kind: a machine that needs more energy does not need more memory. It never excuses
    counted metrics, because tokens and FLOPs do not depend on the machine.
    """
    if metric.counted:
        return None
    return next((shift for shift in shifts if _kind(JUDGED[shift.metric]) == _kind(metric)), None)


def _kind(metric: Metric) -> str:
    if metric.counted:
        return "counted"
    if metric.joules:
        return "energy"
    return "memory" if metric.unit == "MB" else "time"
