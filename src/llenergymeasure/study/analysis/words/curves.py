"""Sentences about the traffic of a server: which rate or concurrency keeps the limits, and at which cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llenergymeasure._format import number
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.curves import TrafficCurve, TrafficField, TrafficPoint
from llenergymeasure.domain.study.effects import StudyEffects
from llenergymeasure.domain.study.names import listed
from llenergymeasure.study.analysis.words.amounts import limits_text

TRAFFIC: dict[TrafficField, tuple[str, str]] = {
    "traffic.rate": ("rate", "requests/s"),
    "traffic.concurrency": ("concurrency", ""),
}
_COSTS = {"energy_per_output_token": "needs the least energy per output token", "tokens_per_second": "has the highest throughput"}  # fmt: skip


def curve_sentences(effects: StudyEffects) -> Iterator[str]:
    """For each curve with limits: the best point inside them, the most traffic that keeps them, and what is not decided."""
    for curve in effects.curves:
        if curve.limits:
            yield " ".join(_sentences(curve))


def traffic_text(field: TrafficField, traffic: float) -> str:
    """A rate or a concurrency: `a rate of 4 requests/s`."""
    name, unit = TRAFFIC[field]
    return f"a {name} of {number(traffic, unit, 4)}"


def mean_text(point: TrafficPoint, metric: str) -> str:
    """The mean of a metric with its interval: `0.52 J/token (95 % interval 0.5 to 0.54)`."""
    mean, unit = point.means[metric], METRICS[metric].unit
    if mean.low is None or mean.high is None:
        return number(mean.value, unit)
    return f"{number(mean.value, unit)} (95 % interval {number(mean.low, '')} to {number(mean.high, '')})"


def _sentences(curve: TrafficCurve) -> Iterator[str]:
    begin = f"{_where(curve)}{limits_text(curve.limits)}"
    if curve.best is None or curve.highest is None:
        yield from _without_best(curve, begin)
        return
    best = curve.point(curve.best)
    also = f" and is the highest measured {TRAFFIC[curve.field][0]} that keeps the limits" if curve.best == curve.highest else ""
    yield f"{begin}: {traffic_text(curve.field, best.traffic)} {_COSTS[curve.cost]}, {mean_text(best, curve.cost)}{also}."
    if curve.best != curve.highest:
        name, unit = TRAFFIC[curve.field]
        highest = number(curve.point(curve.highest).traffic, unit, 4)
        yield f"The highest measured {name} that keeps the limits is {highest}."
    yield from _open(curve)


def _where(curve: TrafficCurve) -> str:
    return f"With {curve.settings} and " if curve.settings else "With "


def _without_best(curve: TrafficCurve, begin: str) -> Iterator[str]:
    if any(point.keeps is None for point in curve.points):
        absent = [METRICS[name].title for name in curve.limits if any(name not in point.means for point in curve.points)]
        yield f"{begin}: no point is chosen, because {listed(absent)} was not measured in all cells."
        return
    yield f"{begin}: no measured {TRAFFIC[curve.field][0]} keeps the limits."
    yield from _undecided(curve)


def _open(curve: TrafficCurve) -> Iterator[str]:
    if curve.points[-1].keeps:
        yield f"The limits are kept up to the highest measured {TRAFFIC[curve.field][0]}, so a higher one may keep them too."
    yield from _undecided(curve)


def _undecided(curve: TrafficCurve) -> Iterator[str]:
    """The points whose intervals contain a limit."""
    unsure = [point for point in curve.points if point.keeps is not None and not point.certain and _has_intervals(curve, point)]
    if unsure:
        yield f"The intervals contain a limit at {_listed(curve.field, unsure)}, so more cycles are needed to decide there."


def _has_intervals(curve: TrafficCurve, point: TrafficPoint) -> bool:
    return any(point.means[name].low is not None for name in curve.limits if name in point.means)


def _listed(field: TrafficField, points: Sequence[TrafficPoint]) -> str:
    return f"{TRAFFIC[field][0]} {listed([number(point.traffic, '', 4) for point in points])}"
