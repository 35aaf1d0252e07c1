"""The analysis of a study: rows of runs in, effects out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from llenergymeasure.core.gc_control import without_garbage_collection
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import Protocol, StudyDesign
from llenergymeasure.domain.study.effects import MetricAnalysis, StudyEffects
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.study.analysis.choice.cells import best_within, pareto
from llenergymeasure.study.analysis.choice.curves import curves, slo_limits
from llenergymeasure.study.analysis.choice.kept import runs_by_cell
from llenergymeasure.study.analysis.frame import Frames, completed
from llenergymeasure.study.analysis.groups import grouped_factors
from llenergymeasure.study.analysis.words.warnings import study_warnings
from llenergymeasure.study.analysis.work import control_drift, unequal_work

# The metric of the summary is the first of these that at least half of the cells have. Estimated energy is left out: it mostly
# follows from the duration and an assumed power.
HEADLINES = ("energy_per_output_token", "tokens_per_second", "cpu_seconds", "duration_sec")
PLANE = ("tokens_per_second", "energy_per_output_token")


def analyse(
    design: StudyDesign,
    rows: Sequence[RunRow],
    protocol: Protocol,
    *,
    limits: Mapping[str, float] | None = None,
    margin: float | None = None,
) -> StudyEffects | None:
    """Analyse all metrics of a study.

    Args:
        design: factors, cells and reference.
        rows: the runs; those without a result, and control runs, are in no fit.
        protocol: how the runs were made.
        limits: limits of metrics for the best cell, in their units: at most, or at least where higher is better.
        margin: largest difference that counts as none, as a fraction, such as 0.02.

    Returns:
        The effects; None without a completed run that has a metric.
    """
    grouped = grouped_factors(design, rows, protocol)
    with without_garbage_collection():  # all that is made here is kept; looking through it takes a third of the time
        analyses = _metrics(design, completed(rows), grouped, margin)
        if not analyses:
            return None
        return _effects(design, rows, protocol, analyses, dict(limits or {}), margin)


def _metrics(
    design: StudyDesign, runs: Sequence[RunRow], grouped: frozenset[str], margin: float | None
) -> dict[str, MetricAnalysis]:
    """The analysis of each metric that was measured. Metrics of the same runs share the equations of their fit."""
    from llenergymeasure.study.analysis.metric import analyse_metric  # noqa: PLC0415 - numpy and scipy
    from llenergymeasure.study.analysis.model import Placement  # noqa: PLC0415 - numpy and scipy

    frames, analyses = Frames(design, runs), dict[str, MetricAnalysis]()
    placements: dict[int, Placement] = {}
    for name, metric in METRICS.items():
        found = frames.of(metric)
        if found is not None:
            if id(found.runs) not in placements:
                placements[id(found.runs)] = Placement.of(found.runs)
            analyses[name] = analyse_metric(design, found, placements[id(found.runs)], grouped, margin)
    return analyses


def _headline(analyses: Mapping[str, MetricAnalysis]) -> str:
    n_cells = max(len(analysis.cells) for analysis in analyses.values())
    usable = [name for name in HEADLINES if name in analyses and "estimated" not in analyses[name].notes]
    enough = [name for name in usable if 2 * len(analyses[name].cells) >= n_cells]
    return enough[0] if enough else next(iter(analyses))


def _effects(
    design: StudyDesign,
    rows: Sequence[RunRow],
    protocol: Protocol,
    analyses: dict[str, MetricAnalysis],
    limits: dict[str, float],
    margin: float | None,
) -> StudyEffects:
    headline = _headline(analyses)
    unequal = unequal_work(design, completed(rows))
    drift = control_drift(rows, headline)
    without_intervals = {cell for cell, runs in runs_by_cell(rows).items() if runs.without_intervals}
    return StudyEffects(
        headline=headline,
        energy=_energy(headline, analyses),
        metrics=(analyses[headline], *(each for name, each in analyses.items() if name != headline)),
        pareto=pareto(analyses, PLANE),
        pareto_metrics=PLANE,
        limits=limits,
        best_within=best_within(analyses, headline, limits, without_intervals),
        curves=curves(design, rows, analyses, limits),
        margin=margin,
        control_drift=drift,
        unequal_work=unequal,
        warnings=study_warnings(
            design, protocol, analyses[headline], _limited(design, analyses, limits, headline), unequal, drift
        ),
    )


def _limited(
    design: StudyDesign, analyses: Mapping[str, MetricAnalysis], asked: Mapping[str, float], headline: str
) -> list[MetricAnalysis]:
    """The analyses of the metrics with a limit, without that of the headline."""
    named = dict.fromkeys([*asked, *(name for cell in design.cells for name in slo_limits(cell.config))])
    return [analyses[name] for name in named if name in analyses and name != headline]


def _energy(headline: str, analyses: Mapping[str, MetricAnalysis]) -> Literal["measured", "estimated", "not_measured"]:
    if any("estimated" in analysis.notes for analysis in analyses.values()):
        return "estimated"
    return "measured" if METRICS[headline].joules else "not_measured"
