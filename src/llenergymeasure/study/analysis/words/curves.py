"""Sentences about the traffic of a server: which rate or concurrency keeps the limits, and at which cost."""

from __future__ import annotations

from collections.abc import Iterator

from llenergymeasure._format import number
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.curves import TrafficCurve, TrafficPoint
from llenergymeasure.domain.study.effects import StudyEffects
from llenergymeasure.domain.study.names import listed
from llenergymeasure.domain.traffic.result import MOST_FAILED
from llenergymeasure.study.analysis.words.amounts import limits_text

_COSTS = {
    "energy_per_output_token": "needs the least energy per output token",
    "tokens_per_second": "has the highest throughput",
}


def curve_sentences(effects: StudyEffects) -> Iterator[str]:
    """For each curve with limits: the best point inside them, the most traffic that keeps them, and what is not decided."""
    stated: dict[str, float] = {}
    for curve in effects.curves:
        if curve.limits:
            yield from _sentences(curve, "the same limits" if curve.limits == stated else limits_text(curve.limits))
        stated = curve.limits


def _sentences(curve: TrafficCurve, limits: str) -> Iterator[str]:
    begin = f"With {curve.settings} and {limits}" if curve.settings else f"With {limits}"
    if curve.best is None or curve.highest is None:
        yield f"{begin}, {_without_best(curve)}."
    else:
        yield f"{begin}, {_best(curve, curve.best)}."
        if curve.best != curve.highest:
            highest = curve.amount(curve.point(curve.highest).traffic)
            yield f"The highest measured {curve.name} that keeps the limits is {highest}."
        if curve.highest == curve.points[-1].cell:
            yield f"A higher {curve.name} was not measured, and may keep the limits too."
    yield from _failed_requests(curve)
    yield from _failed_runs(curve)
    yield from _uncertain(curve)


def _best(curve: TrafficCurve, cell: str) -> str:
    best = curve.point(cell)
    among = f"; it is also the highest measured {curve.name} that keeps the limits" if cell == curve.highest else ""
    return f"a {curve.name} of {curve.amount(best.traffic)} {_COSTS[curve.cost]}: {_mean(best, curve.cost)}{among}"


def _mean(point: TrafficPoint, metric: str) -> str:
    """The mean of a metric with its interval: `0.52 J/token (95 % interval 0.5 to 0.54)`."""
    mean, unit = point.means[metric], METRICS[metric].unit
    if mean.low is None or mean.high is None:
        return number(mean.value, unit)
    return f"{number(mean.value, unit)} (95 % interval {number(mean.low, '')} to {number(mean.high, '')})"


def _without_best(curve: TrafficCurve) -> str:
    measured = [point for point in curve.points if point.completed_runs]
    absent = [name for name in curve.limits if any(name not in point.means for point in measured)]
    if absent:
        titles = listed([METRICS[name].title for name in absent])
        return f"no {curve.name} is chosen, because {titles} was not measured in all cells"
    if curve.undecided:
        return f"no measured {curve.name} is known to keep the limits"
    return f"no measured {curve.name} keeps the limits"


def _failed_requests(curve: TrafficCurve) -> Iterator[str]:
    """The points where too many requests failed, although the latencies of the others may be inside the limits."""
    failed = [number(point.traffic, "", 4) for point in curve.points if (point.failed_share or 0.0) > MOST_FAILED]
    if failed:
        yield (
            f"At a {curve.name} of {listed(failed)} more than {100 * MOST_FAILED:g} % of the requests failed, so the limits are "
            "not kept there."
        )


def _failed_runs(curve: TrafficCurve) -> Iterator[str]:
    """The points where runs failed, which decides against them or leaves them undecided."""
    unanswered = [_share(point, point.unanswered_runs) for point in curve.points if point.unanswered_runs]
    if unanswered:
        yield (
            f"At a {curve.name} of {listed(unanswered)} the server answered too few requests for a result, so the limits are not "
            "kept there."
        )
    undecided = [_share(point, point.failed_runs) for point in curve.undecided]
    if undecided:
        yield (
            f"At a {curve.name} of {listed(undecided)} runs failed, so it is not decided whether the limits are kept there: look "
            "at the failures, and repeat these runs with --resume."
        )


def _share(point: TrafficPoint, runs: int) -> str:
    """An amount of traffic with a number of its runs: `16 (1 of 3 runs)`."""
    return f"{number(point.traffic, '', 4)} ({runs} of {point.completed_runs + point.failed_runs} runs)"


def _uncertain(curve: TrafficCurve) -> Iterator[str]:
    """The points of which more cycles would show whether they keep the limits."""
    unsure = [
        point for point in curve.points if point.keeps is not None and not point.certain and not point.unanswered_runs
    ]
    amounts = listed([number(point.traffic, "", 4) for point in unsure])
    if unsure and all(
        point.means[name].low is None for point in unsure for name in curve.limits if name in point.means
    ):
        yield "Without intervals this is not certain: run at least 3 cycles."
    elif unsure:
        failed = " or requests failed in some of the runs" if any(point.failed_share for point in unsure) else ""
        yield (
            f"At a {curve.name} of {amounts} an interval contains a limit{failed}, so more cycles are needed to decide there."
        )
