"""The tables of the curves of a study: latency, energy and goodput at each rate or concurrency, and whether the limits are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import shorten

from llenergymeasure._format import number, one_line
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.curves import NAMES, Mean, TrafficCurve, TrafficField, TrafficPoint
from llenergymeasure.domain.study.effects import StudyEffects
from llenergymeasure.results.study_tables.table import Table
from llenergymeasure.results.study_tables.texts import ABSENT, capital, limit_text, of_some_runs, title_of, value_text

# Columns beside those of the cost and of the limited metrics.
_SHOWN = (
    "ttft_p99_ms",
    "itl_p99_ms",
    "energy_per_output_token",
    "energy_per_good_request",
    "goodput",
    "tokens_per_second",
)
# A longer reason is complete in the list of failed runs.
_LONGEST_REASON = 200


def curves_of(effects: StudyEffects, field: TrafficField) -> tuple[TrafficCurve, ...]:
    """The curves over a field."""
    return tuple(curve for curve in effects.curves if curve.field == field)


def file_name(field: TrafficField) -> str:
    """Name of the files of the table and the figures of a field: `rate` or `concurrency`."""
    return field.rpartition(".")[2]


def curve_tables(effects: StudyEffects, beside: Sequence[str] = _SHOWN) -> Iterator[Table]:
    """One table for the rate and one for the concurrency, where the study varies them.

    Args:
        effects: the analysis.
        beside: metrics that are shown beside the cost and the limited ones.
    """
    for field in NAMES:
        if curves := curves_of(effects, field):
            yield _table(effects, field, curves, beside)


def _table(effects: StudyEffects, field: TrafficField, curves: Sequence[TrafficCurve], beside: Sequence[str]) -> Table:
    several = any(curve.settings for curve in curves)
    limited = any(curve.limits for curve in curves)
    metrics = _metrics(curves, beside)
    with_failed = any(point.failed_runs for curve in curves for point in curve.points)
    head = (
        *(("settings",) if several else ()), curves[0].title, "cell", *(("keeps the limits",) if limited else ()),
        *(title_of(effects, metric) for metric in metrics), "failed", *(("failed runs",) if with_failed else ()),
    )  # fmt: skip
    rows = tuple(
        (
            *((curve.settings,) if several else ()),
            *_row(curve, point, metrics, limited),
            *((runs_text(point, point.failed_runs),) if with_failed else ()),
        )
        for curve in curves
        for point in curve.points
    )
    return Table(file_name(field), _caption(curves), head, rows, texts=1 + several)


def _metrics(curves: Sequence[TrafficCurve], beside: Sequence[str]) -> tuple[str, ...]:
    """The shown metrics that some point has, those of the limits and the cost first."""
    wanted = dict.fromkeys([*(name for curve in curves for name in (curve.cost, *curve.limits)), *beside])
    measured = {name for curve in curves for point in curve.points for name in point.means}
    return tuple(name for name in wanted if name in measured)


def _row(curve: TrafficCurve, point: TrafficPoint, metrics: Sequence[str], limited: bool) -> Iterator[str]:
    yield number(point.traffic, "", 4)
    yield point.cell
    if limited:
        yield keeps_text(point)
    for name in metrics:
        mean = point.means.get(name)
        some = "" if mean is None else of_some_runs(mean.n_runs, point.completed_runs)
        yield f"{_mean_text(mean, name, name in (*curve.limits, curve.cost))}{some}"
    yield ABSENT if point.failed_share is None else f"{100 * point.failed_share:.1f} %"


def _mean_text(mean: Mean | None, metric: str, with_interval: bool) -> str:
    if mean is None:
        return ABSENT
    value = value_text(mean.value, metric)
    if not with_interval or mean.low is None or mean.high is None:
        return value
    return f"{value} ({value_text(mean.low, metric)} to {value_text(mean.high, metric)})"


def keeps_text(point: TrafficPoint) -> str:
    """Whether a point keeps the limits."""
    if point.keeps is None:
        return _unknown(point)
    return f"{'yes' if point.keeps else 'no'}{'' if point.certain else ', not certain'}"


def _unknown(point: TrafficPoint) -> str:
    if not point.failed_runs:
        return "not known"
    return "undecided" if point.completed_runs else "not measured"


def runs_text(point: TrafficPoint, runs: int) -> str:
    """A number of the runs of a point."""
    return f"{runs} of {point.completed_runs + point.failed_runs}"


def _caption(curves: Sequence[TrafficCurve]) -> str:
    means = [point.means[curve.cost] for curve in curves for point in curve.points if curve.cost in point.means]
    known = ", with 95 % intervals of the metrics that decide" if any(mean.low is not None for mean in means) else ""
    return " ".join(
        [
            f"{capital(curves[0].name)}: geometric means of the completed runs{known}.",
            *_limits(curves),
            *_chosen(curves),
            *_not_measured(curves),
        ]
    )


def _limits(curves: Sequence[TrafficCurve]) -> Iterator[str]:
    texts = dict.fromkeys(", ".join(limit_text(*each) for each in curve.limits.items()) for curve in curves)
    if limits := "; or ".join(filter(None, texts)):
        yield f"Limits: {limits}. They are kept where the means are inside and at most 1 % of the requests failed; this is certain"
        yield "where no interval contains a limit."
    undecided = [f"cell {point.cell}" for curve in curves for point in curve.undecided if point.completed_runs]
    if undecided:
        yield f"Undecided, because runs failed: {', '.join(undecided)}."


def _not_measured(curves: Sequence[TrafficCurve]) -> Iterator[str]:
    """The points without a completed run, with the reason."""
    for point in (point for curve in curves for point in curve.points if not point.completed_runs and point.reason):
        reason = one_line(shorten(str(point.reason), _LONGEST_REASON, placeholder=" ..."))
        yield f"Cell {point.cell} was not measured: {reason}{'' if reason.endswith('.') else '.'}"


def _chosen(curves: Sequence[TrafficCurve]) -> Iterator[str]:
    best = [f"cell {curve.best}" for curve in curves if curve.best is not None]
    if best:
        better = "lowest" if METRICS[curves[0].cost].better == "lower" else "highest"
        yield f"The {better} {METRICS[curves[0].cost].title} inside the limits: {', '.join(best)}."
