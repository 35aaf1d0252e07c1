"""How latency, energy and goodput of a server depend on its traffic, and which traffic keeps the limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from llenergymeasure._format import number
from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.traffic.result import LIMITED

TrafficField = Literal["traffic.rate", "traffic.concurrency"]
# The name of the field in text, with its unit.
NAMES: dict[TrafficField, tuple[str, str]] = {
    "traffic.rate": ("request rate", "requests/s"),
    "traffic.concurrency": ("concurrency", ""),
}
# Metric of each limit of the section `slo`.
SLO_METRICS = {name: f"{latency}_p99_ms" for name, latency in LIMITED.items()}


class Mean(Frozen):
    """The mean of a metric over the runs of a cell.

    Attributes:
        value: geometric mean in the metric's unit; the arithmetic mean where a run has 0.
        low, high: 95 % interval; None without a spread.
        n_runs: number of runs in the mean, which are those that have the metric; None in a file that does not record it.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n_runs: int | None = None


class TrafficPoint(Frozen):
    """A cell of a curve.

    Attributes:
        cell: id of the cell.
        traffic: its rate in requests/s, or its concurrency.
        means: mean of each metric of the curve over the completed runs, by name; without those that were not measured.
        failed_share: mean share (0 to 1) of the requests that failed in the completed runs; None where it is not known.
        completed_runs: number of runs with a result; 0 = not measured.
        failed_runs: number of runs that failed, or were not tried after a failure that lasts.
        unanswered_runs: those of them in which the server answered no request, or too few for a result.
        reason: why the first of the failed runs has no result; None without one.
        keeps: whether the mean of each limited metric is inside its limit, at most 1 % of the requests failed, and the server
            answered in each run. None without limits, and where it is not known: a limited metric was not measured, or a run failed
            for another reason.
        certain: whether the intervals and all runs show that too; False without intervals.
    """

    cell: str
    traffic: float
    means: dict[str, Mean] = {}
    failed_share: float | None = None
    completed_runs: int = 0
    failed_runs: int = 0
    unanswered_runs: int = 0
    reason: str | None = None
    keeps: bool | None = None
    certain: bool = False

    @property
    def is_undecided(self) -> bool:
        """Whether it is not known that the limits are kept, because runs failed."""
        return self.keeps is None and self.failed_runs > 0


class TrafficCurve(Frozen):
    """The cells that differ in their traffic alone, from the least to the most.

    Attributes:
        field: the field that differs.
        settings: levels of the other factors, as text; empty where there are none.
        limits: limits of metrics: at most, or at least where higher is better. Those of `slo`, and those that were asked for.
        cost: name of the metric of the best point: energy per output token, or throughput where no energy was measured.
        points: the cells with a completed or a failed run.
        best: id of the cell with the best cost among those that keep the limits; None without limits or such a cell.
        highest: id of the cell with the most traffic among them.
    """

    field: TrafficField
    settings: str = ""
    limits: dict[str, float] = {}
    cost: str
    points: tuple[TrafficPoint, ...]
    best: str | None = None
    highest: str | None = None

    @property
    def name(self) -> str:
        """The name of the field in text."""
        return NAMES[self.field][0]

    @property
    def title(self) -> str:
        """The name of the field with its unit."""
        name, unit = NAMES[self.field]
        return f"{name} in {unit}" if unit else name

    def amount(self, traffic: float) -> str:
        """An amount of traffic with its unit."""
        return number(traffic, NAMES[self.field][1], 4)

    @property
    def undecided(self) -> tuple[TrafficPoint, ...]:
        """The points of which it is not known whether they keep the limits, because runs failed; empty without limits."""
        return tuple(point for point in self.points if self.limits and point.is_undecided)

    def point(self, cell: str) -> TrafficPoint:
        """The point of a cell."""
        return next(point for point in self.points if point.cell == cell)


def curve_rows(curves: Sequence[TrafficCurve]) -> list[dict[str, Any]]:
    """One flat row per point, for `pandas.DataFrame` or `polars.DataFrame`. All rows have the same keys; not measured is None."""
    names = dict.fromkeys(name for curve in curves for point in curve.points for name in point.means)
    return [_row(curve, point, names) for curve in curves for point in curve.points]


def _row(curve: TrafficCurve, point: TrafficPoint, names: dict[str, None]) -> dict[str, Any]:
    identity = {"field": curve.field, "settings": curve.settings or None, "cell": point.cell, "traffic": point.traffic}
    numbers = {name: value for metric in names for name, value in _columns(metric, point.means.get(metric))}
    decided = {"keeps": point.keeps, "certain": point.certain}
    chosen = {"best": point.cell == curve.best, "highest": point.cell == curve.highest}
    return {**identity, **numbers, **_runs(point), **decided, **chosen}


def _runs(point: TrafficPoint) -> dict[str, Any]:
    return {
        "failed_share": point.failed_share,
        "completed_runs": point.completed_runs,
        "failed_runs": point.failed_runs,
        "unanswered_runs": point.unanswered_runs,
        "failure_message": point.reason,
    }


def _columns(metric: str, mean: Mean | None) -> Iterator[tuple[str, float | None]]:
    yield metric, None if mean is None else mean.value
    yield f"{metric}_low", None if mean is None else mean.low
    yield f"{metric}_high", None if mean is None else mean.high
