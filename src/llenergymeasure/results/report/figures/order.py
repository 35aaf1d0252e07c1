"""All runs in their order: each against the mean of its cell, and the temperature at its start."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from llenergymeasure.domain.study.effects import MetricAnalysis
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.canvas import Picture, plot, styled
from llenergymeasure.results.study_tables.texts import capital, named

# More points than this are not distinguishable, and only make the page larger.
MOST_RUNS = 1500
_MOST_LABELS = 8


@styled
def order(study: StudyData, analysis: MetricAnalysis) -> Picture | None:
    """Each run's deviation from the mean of its cell, in %, and below it the temperature; None without a run."""
    means = {cell.cell: cell.mean for cell in analysis.cells}
    runs = [run for run in study.runs if _is_compared(run, analysis) and run.cell in means]
    if not runs:
        return None
    deviations = [_deviation(run, analysis.metric, means[run.cell]) for run in runs]
    warm = [(run.place, run.temperature_c) for run in thinned_runs(study.runs) if run.temperature_c is not None]
    figure, panels = plot(
        4.0 if warm else 2.7, rows=2 if warm else 1, sharex=True, height_ratios=[3, 2] if warm else [1]
    )
    for axes in panels:
        _shade_cycles(axes, study.runs)
        axes.grid(True, axis="y")
    _draw_runs(panels[0], runs, deviations, analysis)
    _mark_failed(panels[0], study.failed)
    panels[0].set_ylabel("difference from the\nmean of the cell in %")
    panels[0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=4)
    if warm:
        panels[1].plot([at for at, _ in warm], [value for _, value in warm], ".-", color=LIGHT["b"], linewidth=0.8)
        panels[1].set_ylabel("GPU temperature\nat start in °C")
    panels[-1].set_xlabel("runs in their order; each shade is a cycle")
    spread = max(map(abs, deviations))
    text = f"{len(runs)} runs; the largest difference from the mean of a cell is {spread:.2g} %"
    title = f"{named(analysis)} of all runs in their order"
    return Picture("order", title, text, figure, _caption(analysis, with_temperature=bool(warm)))


def _is_compared(run: RunRow, analysis: MetricAnalysis) -> bool:
    """Whether the run has a value that belongs to those of the analysis."""
    return run.values.get(analysis.metric) is not None and run.run_id not in analysis.left_out


def _caption(analysis: MetricAnalysis, *, with_temperature: bool) -> str:
    below = " Below: the GPU temperature at its start." if with_temperature else ""
    count = len(analysis.left_out)
    left_out = f" Not in the analysis and not shown: {count} run{'' if count == 1 else 's'}." if count else ""
    return f"{capital(named(analysis))} of each run against the geometric mean of its cell.{below}{left_out}"


def _deviation(run: RunRow, metric: str, mean: float) -> float:
    value = run.per_pass(metric)
    assert value is not None
    return 100 * (value / mean - 1)


def _draw_runs(axes: Axes, runs: Sequence[RunRow], deviations: Sequence[float], analysis: MetricAnalysis) -> None:
    at = dict(zip((run.run_id for run in runs), deviations))
    outliers = set(analysis.outliers)
    kinds = (
        ("run", "o", LIGHT["a"], [run for run in runs if run.role == "cell" and run.run_id not in outliers]),
        ("stands out", "D", LIGHT["b"], [run for run in runs if run.run_id in outliers]),
        ("control run", "s", LIGHT["c"], [run for run in runs if run.role != "cell"]),
    )
    axes.axhline(0, color=LIGHT["soft"], linewidth=0.8)
    for name, marker, shade, found in kinds:
        shown = thinned_runs(found)
        if shown:
            axes.plot(
                [run.place for run in shown],
                [at[run.run_id] for run in shown],
                marker,
                color=shade,
                markersize=4,
                label=name,
            )
    for run in kinds[1][3][:_MOST_LABELS]:
        axes.annotate(run.run_id, (run.place, at[run.run_id]), (5, 3), textcoords="offset points", fontsize=7)


def _mark_failed(axes: Axes, failed: Sequence[RunRow]) -> None:
    if failed:
        places = [run.place for run in thinned_runs(failed)]
        low = axes.get_ylim()[0]
        axes.plot(places, [low] * len(places), "x", color=LIGHT["ink"], markersize=5, label="failed", clip_on=False)


def _shade_cycles(axes: Axes, runs: Sequence[RunRow]) -> None:
    """Shade every second cycle."""
    for cycle in sorted({run.cycle for run in runs})[1::2][:200]:
        places = [run.place for run in runs if run.cycle == cycle]
        axes.axvspan(min(places) - 0.5, max(places) + 0.5, color=LIGHT["stripe"], linewidth=0)


def thinned_runs(runs: Sequence[RunRow], most: int = MOST_RUNS) -> Sequence[RunRow]:
    """At most this number of runs, evenly spread."""
    step = -(-len(runs) // most) or 1
    return runs[::step]
