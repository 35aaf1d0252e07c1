"""Choices between cells: the Pareto front of two metrics, and the best cell inside limits."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.effects import MetricAnalysis, ParetoPoint
from llenergymeasure.stats.factorial.front import efficient
from llenergymeasure.study.analysis.choice.kept import INTERVALS

Analyses = Mapping[str, MetricAnalysis]


def pareto(analyses: Analyses, metrics: tuple[str, str]) -> tuple[ParetoPoint, ...]:
    """The cells in the plane of two metrics; empty where one of both was not measured."""
    if any(name not in analyses for name in metrics):
        return ()
    means = [_means(analyses[name]) for name in metrics]
    cells = [cell for cell in means[0] if cell in means[1]]
    points = [(_cost(metrics[0], means[0][cell]), _cost(metrics[1], means[1][cell])) for cell in cells]
    return tuple(
        ParetoPoint(cell=cell, x=means[0][cell], y=means[1][cell], efficient=on_front)
        for cell, on_front in zip(cells, efficient(points))
    )


def best_within(
    analyses: Analyses, headline: str, limits: Mapping[str, float], without_intervals: Collection[str] = ()
) -> str | None:
    """The cell with the best headline among those inside all limits; None without limits or such a cell.

    Args:
        analyses: the analysis of each metric.
        headline: the metric of the best cell.
        limits: at most, or at least where higher is better.
        without_intervals: ids of cells without an interval between tokens: they keep every limit of the inter-token latency.
    """
    if not limits:
        return None
    inside = set.intersection(
        *(
            _inside(analyses.get(name), limit).union(without_intervals if name in INTERVALS else ())
            for name, limit in limits.items()
        )
    )
    means = _means(analyses[headline])
    return min((cell for cell in means if cell in inside), key=lambda cell: _cost(headline, means[cell]), default=None)


def _inside(analysis: MetricAnalysis | None, limit: float) -> set[str]:
    if analysis is None:
        return set()
    most = _cost(analysis.metric, limit)
    return {cell for cell, mean in _means(analysis).items() if _cost(analysis.metric, mean) <= most}


def _means(analysis: MetricAnalysis) -> dict[str, float]:
    return {effect.cell: effect.mean for effect in analysis.cells}


def _cost(metric: str, value: float) -> float:
    """A value with its sign chosen so that lower is better."""
    return value if METRICS[metric].better == "lower" else -value
