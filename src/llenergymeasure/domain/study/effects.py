"""The analysis of a study: how each metric depends on the factors. Ratios are of geometric means."""

from __future__ import annotations

from typing import Any, Literal

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.study.curves import TrafficCurve
from llenergymeasure.domain.warnings import MeasurementWarning


class Ratio(Frozen):
    """A ratio with its 95 % interval.

    Attributes:
        value: the ratio.
        low, high: ends of the interval; None with a single cycle, because the spread is not known.
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


# Below this p an effect is shown. A study has several factors and is run again, so 0.05 would report too much (decision 37).
ALPHA = 0.01
# Two tests of a factor disagree when one is below ALPHA, and the other above the usual 0.05.
_UNCLEAR = 0.05
# A decision: a study that shows only larger ratios than this shows nothing, because settings rarely change energy tenfold.
LARGEST_USEFUL = 10.0
# Output tokens of cells with equal work differ by at most this share; beyond it, energy per request shows other work. A
# decision: it is as large as the smallest differences that a study usually finds.
EQUAL_WORK = 0.01

# What the runs show about a factor:
# matters     p of the F test, corrected for the number of factors, is below 0.01
# undecided   it is not; a difference may exist
# negligible  the interval of its span is inside the stated margin
# not_tested  no p can be given: a single cycle, or the order groups its runs
Finding = Literal["matters", "undecided", "negligible", "not_tested"]


class FactorEffect(Frozen):
    """The effect of a factor on a metric, for these levels and this work.

    Attributes:
        factor: name of the factor.
        within: name of the backend inside which it is estimated; None for all cells.
        levels: the levels that are compared, in the order of the factor. Of a backend with factors of its own: its
            reference cell, with the reference's levels of the common factors.
        at_best: of a backend with factors of its own: each backend at its best cell; else empty.
        missing: levels that are not compared, because cells of them are missing.
        span: largest over smallest mean of its levels.
        lowest, highest: levels with the smallest and the largest mean.
        share: its share of the explained variance, with an equal part of each interaction; None where it is not
            estimated, and with a single cycle, because noise cannot be subtracted. `share_low`, `share_high`: its 95 % interval.
        p_value: of the F test; None where none can be given.
        p_holm: the same, corrected for the number of factors by Holm's method.
        p_ranks: of the same fit on block-centred normal ranks, not corrected.
        detectable: the smallest ratio above 1 of two of its levels that would be found with probability 0.8; None
            without intervals.
        grouped: whether the order groups its runs, so that its error is that between groups.
        finding: what the runs show.
    """

    factor: str
    within: str | None = None
    levels: tuple[LevelEffect, ...]
    at_best: tuple[LevelEffect, ...] = ()
    missing: tuple[Any, ...] = ()
    span: Ratio
    lowest: Any
    highest: Any
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None
    p_value: float | None = None
    p_holm: float | None = None
    p_ranks: float | None = None
    detectable: float | None = None
    grouped: bool = False
    finding: Finding = "not_tested"

    @property
    def tests_disagree(self) -> bool:
        """Whether one of the tests on logs and on ranks is clear, and the other is not."""
        if self.p_value is None or self.p_ranks is None:
            return False
        smaller, larger = sorted((self.p_value, self.p_ranks))
        return smaller < ALPHA and larger > _UNCLEAR


class Conditional(Frozen):
    """A factor's effect at one level of another factor.

    Attributes:
        level: level of the other factor.
        ratio: mean at the factor's highest level over that at its lowest level.
    """

    level: Any
    ratio: Ratio


class Interaction(Frozen):
    """An interaction of two factors.

    Attributes:
        factors: names of both; the first has the larger span.
        within: name of the backend inside which it is estimated; None for all cells.
        share: its share of the explained variance; None with a single cycle, because noise cannot be subtracted.
        p_value: of the F test; None with a single cycle.
        levels: the compared levels of both.
        means: geometric means by level of the first and of the second factor, in the metric's unit.
        conditional: the first factor's ratio of its `highest` to its `lowest` level at each level of the second.
    """

    factors: tuple[str, str]
    within: str | None = None
    share: float | None = None
    p_value: float | None = None
    levels: tuple[tuple[Any, ...], tuple[Any, ...]] = ((), ())
    means: tuple[tuple[float, ...], ...] = ()
    conditional: tuple[Conditional, ...] = ()


class CellEffect(Frozen):
    """A cell against the reference.

    Attributes:
        cell: id of the cell.
        n_runs: number of runs in the fit.
        mean: geometric mean in the metric's unit.
        low, high: 95 % interval of the mean; None without a spread.
        ratio: ratio to the reference cell; None without a completed run of the reference.
        p_holm: corrected for the number of cells; None with a single cycle or where factors are estimated.
    """

    cell: str
    n_runs: int
    mean: float
    low: float | None = None
    high: float | None = None
    ratio: Ratio | None = None
    p_holm: float | None = None


class PathStep(Frozen):
    """A factor's contribution on the way from the reference to the best cell (Shapley value over the mixed cells).

    Attributes:
        factor: name of the factor.
        level: its level in the best cell.
        ratio: the factor by which the metric changes; the product of all steps is the ratio of both cells.
    """

    factor: str
    level: Any
    ratio: float


# Limits of the analysis of one metric:
# one_cycle       a single cycle, so no intervals
# cells_missing   the grid has holes; factors are estimated on the largest full part of it
# no_grid         the cells are not a grid
# additive        factors are estimated as if they did not interact
# interacting     factors are not estimated, because they interact and the cells are not a grid
# grouped         the order groups runs; a grouped factor is tested against the error between groups, or not at all
# estimated       the energy is an estimate
# per_pass        totals are divided by the number of passes over the prompts
# exact           no difference between the runs of a cell
# constant        no difference between cells either
# no_reference    the reference has no completed run; ratios are to the first cell
# methods_disagree    the p of least squares and of ranks disagree
# uncertain_readings  the uncertainty of the readings exceeds the spread of the runs, and is not in the intervals
NoteCode = Literal[
    "one_cycle", "cells_missing", "no_grid", "additive", "interacting", "grouped", "estimated", "per_pass", "exact",
    "constant", "no_reference", "methods_disagree", "uncertain_readings",
]  # fmt: skip


class MetricAnalysis(Frozen):
    """The analysis of one metric.

    Attributes:
        metric: name of the metric.
        n_runs: number of runs in the fit.
        n_blocks: number of blocks in the fit.
        method: `factorial` = factors and interactions, `main_effects` = factors as if they did not interact, `cells` =
            cells against the reference, `none` = means only.
        freedom: degrees of freedom of the residuals; 0 = no intervals.
        residual_cv: residual coefficient of variation of a single run; None with a single cycle.
        detectable: the largest `detectable` of the factors, or that of two cells without factors; None without intervals.
        explained: share of the variation between runs of a block that the cells explain; None with a single cycle.
        cells: the cells with a run in the fit.
        factors: the factors, with the largest span first; in the order of the design with a single cycle.
        interactions: the interactions that can be estimated, with the largest share first.
        reference: id of the cell with which the others are compared.
        best: id of the cell with the best mean; None with one cell.
        path: contributions from the reference to the best cell; empty where mixed cells are missing.
        outliers: ids of runs that differ strongly from the fit.
        unequal_spread: by id of cells that vary more than the others and have no outlier: ratio of the standard deviations.
        left_out: ids of completed runs that are not in the fit, and why.
        notes: limits of this analysis.
    """

    metric: str
    n_runs: int
    n_blocks: int
    method: Literal["factorial", "main_effects", "cells", "none"]
    freedom: int = 0
    residual_cv: float | None = None
    detectable: float | None = None
    explained: float | None = None
    cells: tuple[CellEffect, ...] = ()
    factors: tuple[FactorEffect, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    reference: str
    best: str | None = None
    path: tuple[PathStep, ...] = ()
    outliers: tuple[str, ...] = ()
    unequal_spread: dict[str, float] = {}
    left_out: dict[str, str] = {}
    notes: tuple[NoteCode, ...] = ()

    def factor(self, name: str, within: str | None = None) -> FactorEffect | None:
        """The effect of a factor; None where it is not estimated.

        Args:
            name: name of the factor.
            within: name of the backend inside which it is estimated; None = the first effect with this name, which is the
                only one unless several backends have different levels of it.
        """
        found = (each for each in self.factors if each.factor == name and within in (None, each.within))
        return next(found, None)


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
        energy: measured in at least half of the cells, an estimate (the headline is then another metric), or not measured.
        metrics: one analysis per metric that was measured, the headline first.
        pareto: all cells in the plane of `pareto_metrics`; empty where one of both was not measured.
        pareto_metrics: names of the metrics x and y.
        limits: limits of metrics that were asked for: at most, or at least where higher is better.
        best_within: id of the cell with the best headline that is inside all limits; None without limits or such a cell.
        curves: how latency and energy depend on the traffic of a server; empty for a study that does not vary it, and before 2.2.
        margin: largest difference that counts as none, as a fraction; None = not stated.
        control_drift: the headline of the last control run of a cycle over the first; None without control runs.
        unequal_work: ids of cells whose output tokens per request differ from the reference's by more than 1 %.
        warnings: what limits the answer.
    """

    headline: str
    energy: Literal["measured", "estimated", "not_measured"] = "measured"
    metrics: tuple[MetricAnalysis, ...]
    pareto: tuple[ParetoPoint, ...] = ()
    pareto_metrics: tuple[str, str] = ("tokens_per_second", "energy_per_output_token")
    limits: dict[str, float] = {}
    best_within: str | None = None
    curves: tuple[TrafficCurve, ...] = ()
    margin: float | None = None
    control_drift: Ratio | None = None
    unequal_work: tuple[str, ...] = ()
    warnings: tuple[MeasurementWarning, ...] = ()

    def metric(self, name: str) -> MetricAnalysis | None:
        """The analysis of a metric; None if it was not measured."""
        return next((each for each in self.metrics if each.metric == name), None)
