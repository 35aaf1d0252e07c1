"""The analysis of a study: how each metric depends on the factors. Ratios are of geometric means."""

from __future__ import annotations

from typing import Any, Literal

from llenergymeasure.domain.base import Frozen


class Ratio(Frozen):
    """A ratio with its 95 % interval.

    Attributes:
        value: the ratio.
        low, high: ends of the interval; None with a single cycle, where nothing is known of the spread.
    """

    value: float
    low: float | None = None
    high: float | None = None


class LevelEffect(Frozen):
    """A level of a factor.

    Attributes:
        level: the value, as in the factor.
        mean: geometric mean of the metric at this level, over the other factors, in the metric's unit.
        ratio: ratio to the reference's level.
    """

    level: Any
    mean: float
    ratio: Ratio


class FactorEffect(Frozen):
    """The effect of a factor on a metric, for these levels and this work.

    Attributes:
        factor: name of the factor.
        within: name of the backend inside which it is estimated; None for all cells.
        levels: its levels, in the order of the factor.
        span: largest over smallest mean of its levels.
        lowest, highest: levels with the smallest and the largest mean.
        share: its share of the explained variance, with half of each interaction; interval in `share_low`, `share_high`.
        p_value: of the F test; None with a single cycle.
        p_holm: the same, corrected for the number of factors by Holm's method.
        p_ranks: of the same fit on block-centred normal ranks, not corrected.
        grouped: whether its p cannot be given because the order groups its runs.
    """

    factor: str
    within: str | None = None
    levels: tuple[LevelEffect, ...]
    span: Ratio
    lowest: Any
    highest: Any
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None
    p_value: float | None = None
    p_holm: float | None = None
    p_ranks: float | None = None
    grouped: bool = False


class Interaction(Frozen):
    """An interaction of two factors.

    Attributes:
        factors: names of both.
        share: its share of the explained variance.
        p_value: of the F test; None with a single cycle.
    """

    factors: tuple[str, str]
    share: float
    p_value: float | None = None


class CellEffect(Frozen):
    """A cell against the reference.

    Attributes:
        cell: id of the cell.
        n_runs: number of completed runs.
        mean: geometric mean in the metric's unit.
        ratio: ratio to the reference cell; None without a completed run of the reference.
        p_holm: corrected for the number of cells; None with a single cycle or where factors are estimated.
    """

    cell: str
    n_runs: int
    mean: float
    ratio: Ratio | None = None
    p_holm: float | None = None


class PathStep(Frozen):
    """A factor's contribution on the way from the reference to the best cell (Shapley value over the mixed cells).

    Attributes:
        factor: name of the factor.
        level: its level in the best cell.
        ratio: the factor by which the metric changes.
    """

    factor: str
    level: Any
    ratio: float


class MetricAnalysis(Frozen):
    """The analysis of one metric.

    Attributes:
        metric: name of the metric.
        n_runs: number of runs in the fit.
        n_blocks: number of blocks in the fit.
        method: `factorial` = factors and two-way interactions, `main_effects` = factors alone, `cells` = cells against
            the reference, `none` = means without intervals.
        freedom: degrees of freedom of the residuals.
        residual_cv: residual coefficient of variation of a single run; None with a single cycle.
        detectable: the smallest ratio above 1 of two levels that would be found with probability 0.8; None with a single cycle.
        cells: the cells.
        factors: the factors, with the largest span first.
        interactions: the interactions that can be estimated, with the largest share first.
        reference, best: ids of the reference and of the best cell.
        path: contributions from the reference to the best cell; empty where mixed cells are missing.
        outliers: ids of runs that differ strongly from the fit.
        left_out: ids of completed runs that are not in the fit, and why.
        notes: codes of limits of this analysis, see `study/analysis/notes`.
    """

    metric: str
    n_runs: int
    n_blocks: int
    method: Literal["factorial", "main_effects", "cells", "none"]
    freedom: int = 0
    residual_cv: float | None = None
    detectable: float | None = None
    cells: tuple[CellEffect, ...] = ()
    factors: tuple[FactorEffect, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    reference: str
    best: str | None = None
    path: tuple[PathStep, ...] = ()
    outliers: tuple[str, ...] = ()
    left_out: dict[str, str] = {}
    notes: tuple[str, ...] = ()


class ParetoPoint(Frozen):
    """A cell in the plane of throughput and energy per token.

    Attributes:
        cell: id of the cell.
        x, y: geometric means of both metrics, in their units.
        efficient: whether no other cell is better in both.
    """

    cell: str
    x: float
    y: float
    efficient: bool


class StudyEffects(Frozen):
    """The analysis of a study.

    Attributes:
        headline: name of the metric of the summary.
        metrics: one analysis per metric that was measured, the headline first.
        pareto: all cells in the plane of `pareto_metrics`; empty where one of both was not measured.
        pareto_metrics: names of the metrics x and y.
        unequal_work: ids of cells whose output tokens differ from the reference's by more than 1 %.
    """

    headline: str
    metrics: tuple[MetricAnalysis, ...]
    pareto: tuple[ParetoPoint, ...] = ()
    pareto_metrics: tuple[str, str] = ("tokens_per_second", "energy_per_output_token")
    unequal_work: tuple[str, ...] = ()

    def metric(self, name: str) -> MetricAnalysis | None:
        """The analysis of a metric; None if it was not measured."""
        return next((each for each in self.metrics if each.metric == name), None)
