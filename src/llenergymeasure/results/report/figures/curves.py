"""How the latency and the energy of a server depend on its traffic: one against the other, and each against the traffic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from matplotlib.axes import Axes

from llenergymeasure._format import NOT_MEASURED, number
from llenergymeasure.domain.metrics import METRICS, MILLISECONDS
from llenergymeasure.domain.study.curves import Mean, TrafficCurve, TrafficPoint
from llenergymeasure.domain.study.effects import StudyEffects
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.axes import Line, label_points, logarithmic
from llenergymeasure.results.report.figures.canvas import DASHES, MARKERS, NARROW, Picture, colour, label, plot, styled
from llenergymeasure.results.study_tables.curves import file_name, keeps_text
from llenergymeasure.results.study_tables.texts import capital, name_of, title_of, value_text

MOST_CURVES = 6
# A longer name of an axis does not fit the height of a small figure.
_LONGEST = 36
# Pieces of the line between two points, for the placement of labels.
_PIECES = 24
# More amounts have no space below the axis.
_MOST_TICKS = 7
# The latency against which the energy is drawn, where no limit names one.
_LATENCIES = ("ttft_p99_ms", "ttft_p95_ms", "request_p99_ms")
# The metrics that are drawn against the traffic, each the first that was measured.
_PANELS = (
    ("ttft_p99_ms", "ttft_p95_ms"),
    ("itl_p99_ms", "itl_p95_ms"),
    ("energy_per_output_token",),
    ("goodput", "requests_per_second", "tokens_per_second"),
)


class _At(NamedTuple):
    """A point of a curve in a figure."""

    curve: TrafficCurve
    point: TrafficPoint
    x: Mean
    y: Mean

    @property
    def intervals(self) -> list[Line]:
        """The intervals as lines through the point."""
        across: list[Line] = [((low, self.y.value), (high, self.y.value)) for low, high in _interval(self.x)]
        return [*across, *(((self.x.value, low), (self.x.value, high)) for low, high in _interval(self.y))]


def curve_pictures(effects: StudyEffects, curves: Sequence[TrafficCurve]) -> Iterator[Picture]:
    """The cost against a latency, then a figure per metric; all curves are over the same field."""
    shown = curves[:MOST_CURVES]
    limited = [name for curve in shown for name in curve.limits]
    across = next(
        (name for name in (*limited, *_LATENCIES) if METRICS[name].unit == MILLISECONDS and _has(shown, name)), None
    )
    if across is not None and _has(shown, shown[0].cost):
        yield _plane(effects, shown, across)
    usual = [next((name for name in names if _has(shown, name)), None) for names in _PANELS]
    metrics = [name for name in dict.fromkeys([*usual, *limited]) if name is not None and _has(shown, name)]
    for index, metric in enumerate(metrics, 1):
        yield _panel(effects, shown, metric, index)


def _has(curves: Sequence[TrafficCurve], metric: str) -> bool:
    return any(metric in point.means for curve in curves for point in curve.points)


@styled
def _plane(effects: StudyEffects, curves: Sequence[TrafficCurve], across: str) -> Picture:
    """The cost against a latency; the points are connected in the order of their traffic."""
    up, places = curves[0].cost, _places(curves, across, curves[0].cost)
    figure, (axes,) = plot(4.4)
    limits = _limits(curves, across)
    logarithmic(axes, "x", [*limits, *_ends([place.x for place in places])], pad=0.1)
    logarithmic(axes, "y", _ends([place.y for place in places]), pad=0.16)
    axes.grid(True)
    lines = _draw(axes, curves, places)
    _draw_limits(axes, "x", limits, across)
    axes.set_xlabel(title_of(effects, across))
    axes.set_ylabel(title_of(effects, up))
    if any(curve.settings for curve in curves):
        figure.legend(loc="outside upper left", ncols=2)
    labels = [[curve.amount(point.traffic), number(point.traffic, "", 4)] for curve, point, _, _ in places]
    at = [(place.x.value, place.y.value) for place in places]
    label_points(figure, axes, at, labels, [*lines, *_between(places)])
    title = f"{capital(name_of(up))} against {name_of(across)}"
    values = [f"{_named(*place[:2])}: {_value(place.x, across)}, {_value(place.y, up)}" for place in places]
    text = "; ".join([*values, *(f"{_named(*each)}: {NOT_MEASURED}" for each in _missing(curves, up))])
    return Picture(file_name(curves[0].field), title, text, figure, _caption(curves, bool(lines)))


@styled
def _panel(effects: StudyEffects, curves: Sequence[TrafficCurve], metric: str, index: int) -> Picture:
    """A metric against the traffic."""
    first, places, limits = curves[0], _places(curves, None, metric), _limits(curves, metric)
    figure, (axes,) = plot(2.9, NARROW)
    missing = _missing(curves, metric)
    traffic = sorted({place.point.traffic for place in places} | {point.traffic for _, point in missing})
    logarithmic(axes, "x", traffic, pad=0.1, at=traffic[:: -(-len(traffic) // _MOST_TICKS)])
    _scale(axes, [*limits, *_ends([place.y for place in places])])
    axes.grid(True, axis="y")
    _draw(axes, curves, places)
    _draw_missing(axes, missing)
    _draw_limits(axes, "y", limits, metric)
    axes.set_xlabel(first.title)
    axes.set_ylabel(label(title_of(effects, metric), _LONGEST))
    title = f"{capital(name_of(metric))} by {first.name}"
    values = [f"{_named(*place[:2])}: {_value(place.y, metric)}" for place in places]
    text = "; ".join([*values, *(f"{_named(*each)}: {NOT_MEASURED}" for each in missing)])
    cross = " Cross: not measured, because runs failed." if missing else ""
    return Picture(f"{file_name(first.field)}-{index}", title, text, figure, f"{title}.{cross}")


def _missing(curves: Sequence[TrafficCurve], metric: str) -> list[tuple[TrafficCurve, TrafficPoint]]:
    """The points that do not have a metric because their runs failed."""
    found = [(curve, point) for curve in curves for point in curve.points]
    return [
        (curve, point)
        for curve, point in found
        if point.failed_runs and not point.completed_runs and metric not in point.means
    ]


def _draw_missing(axes: Axes, missing: Sequence[tuple[TrafficCurve, TrafficPoint]]) -> None:
    """A cross at the lower edge for each of them."""
    for _, point in missing:
        axes.plot(point.traffic, 0.05, "x", color=LIGHT["ink"], markersize=6, transform=axes.get_xaxis_transform())


def _scale(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis; one from 0 where a value is 0."""
    if min(values) > 0:
        logarithmic(axes, "y", values, pad=0.12)
    else:
        axes.set_ylim(0, 1.12 * max(values) or 1)


def _places(curves: Sequence[TrafficCurve], across: str | None, up: str) -> list[_At]:
    """The points that have both metrics; without a metric across, against their traffic."""
    found = []
    for curve in curves:
        for point in curve.points:
            x = Mean(value=point.traffic) if across is None else point.means.get(across)
            if x is not None and up in point.means:
                found.append(_At(curve, point, x, point.means[up]))
    return found


def _draw(axes: Axes, curves: Sequence[TrafficCurve], places: Sequence[_At]) -> list[Line]:
    """Draw the intervals, then each curve. Returns the intervals."""
    lines = [line for place in places for line in place.intervals]
    for (x0, y0), (x1, y1) in lines:
        axes.plot([x0, x1], [y0, y1], color=LIGHT["soft"], linewidth=0.8)
    for index, curve in enumerate(curves):
        own = [place for place in places if place.curve is curve]
        name = label(curve.settings, 60) or None
        at = [place.x.value for place in own], [place.y.value for place in own]
        axes.plot(*at, color=colour(index), linewidth=1.3, linestyle=DASHES[index], label=name)
        for place in own:
            _mark(axes, place, index)
    return lines


def _between(places: Sequence[_At]) -> list[Line]:
    """The lines from each point to the next of its curve on logarithmic axes, as short pieces that no label may cross."""
    pieces: list[Line] = []
    for start, end in pairwise(places):
        if start.curve is end.curve:
            shares = [step / _PIECES for step in range(_PIECES + 1)]
            at = [(_mixed(start.x, end.x, share), _mixed(start.y, end.y, share)) for share in shares]
            pieces += pairwise(at)
    return pieces


def _mixed(start: Mean, end: Mean, share: float) -> float:
    return math.exp((1 - share) * math.log(start.value) + share * math.log(end.value))


def _mark(axes: Axes, place: _At, index: int) -> None:
    """The sign of a point: hollow where the limits are not kept, half filled where that is undecided, a ring around the best."""
    at, shade, paper = (place.x.value, place.y.value), colour(index), LIGHT["paper"]
    face = paper if place.point.keeps is False else shade
    style: Literal["left", "full"] = "left" if place.point in place.curve.undecided else "full"
    axes.plot(
        *at, MARKERS[index], markersize=6, color=shade, markerfacecolor=face, markerfacecoloralt=paper, fillstyle=style
    )
    if place.point.cell == place.curve.best:
        axes.plot(*at, "o", markersize=12, markerfacecolor="none", markeredgecolor=LIGHT["good"], markeredgewidth=1.6)


def _limits(curves: Sequence[TrafficCurve], metric: str) -> list[float]:
    return list(dict.fromkeys(curve.limits[metric] for curve in curves if metric in curve.limits))


def _draw_limits(axes: Axes, which: Literal["x", "y"], limits: Sequence[float], metric: str) -> None:
    shade = LIGHT["ink"]
    for limit in limits:
        draw = axes.axvline if which == "x" else axes.axhline
        draw(limit, color=shade, linewidth=1, linestyle=(0, (1.5, 2)))
        at, move = ((limit, 0.02), (4, 0)) if which == "x" else ((0.01, limit), (0, 3))
        frame = ("data", "axes fraction") if which == "x" else ("axes fraction", "data")
        axes.annotate(f"limit {number(limit, METRICS[metric].unit, 4)}", at, move, frame, "offset points", color=shade)


def _interval(mean: Mean) -> list[tuple[float, float]]:
    return [] if mean.low is None or mean.high is None else [(mean.low, mean.high)]


def _ends(means: Sequence[Mean]) -> list[float]:
    """The values of the means, and those ends of their intervals that do not make the axis much longer."""
    values = [mean.value for mean in means]
    ends = [end for mean in means for pair in _interval(mean) for end in pair]
    return [*values, *(end for end in ends if min(values) / math.e <= end <= max(values) * math.e)]


def _named(curve: TrafficCurve, point: TrafficPoint) -> str:
    """The point in the text alternative: its settings, its traffic, and whether it keeps the limits."""
    parts = [curve.settings, curve.amount(point.traffic)]
    kept = f" (keeps the limits: {keeps_text(point)})" if curve.limits else ""
    return f"{', '.join(filter(None, parts))}{kept}"


def _value(mean: Mean, metric: str) -> str:
    return f"{value_text(mean.value, metric)} {METRICS[metric].unit}"


def _caption(curves: Sequence[TrafficCurve], intervals: bool) -> str:
    parts = [f"A point per cell, connected in the order of the {curves[0].name}: geometric means of its runs."]
    if any(curve.limits for curve in curves):
        cost = METRICS[curves[0].cost]
        better = "lowest" if cost.better == "lower" else "highest"
        undecided = "; half filled: undecided, because runs failed" if any(curve.undecided for curve in curves) else ""
        parts.append(f"Filled: the limits are kept; hollow: they are not{undecided}.")
        parts.append(f"Ring: the {better} {cost.title} among those that keep them.")
    missing = [curve.amount(point.traffic) for curve, point in _missing(curves, curves[0].cost)]
    if missing:
        parts.append(f"Not measured, because runs failed: {', '.join(missing)}.")
    if intervals:
        parts.append("Thin lines: 95 % intervals of the means.")
    return " ".join(parts)
