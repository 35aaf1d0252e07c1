"""The way from the reference to the best cell: what each factor contributes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import mul

from matplotlib.axes import Axes

from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import PathStep, StudyEffects
from llenergymeasure.domain.study.names import level_text
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.axes import logarithmic, name_rows
from llenergymeasure.results.report.figures.canvas import Picture, plot, styled
from llenergymeasure.results.study_tables.texts import TIMES, factor_title, named, plain, title_of, value_text

_CAPTION = "Contribution of each factor (Shapley value over the mixed cells, all of which were measured)."


@styled
def way(design: StudyDesign, effects: StudyEffects) -> Picture | None:
    """A bar per step on a logarithmic axis, the largest first; None without steps."""
    analysis = effects.metrics[0]
    means = {cell.cell: cell.mean for cell in analysis.cells}
    if not analysis.path or analysis.best is None or analysis.reference not in means:
        return None
    steps = sorted(analysis.path, key=lambda step: max(step.ratio, 1 / step.ratio), reverse=True)
    values = list(accumulate((step.ratio for step in steps), mul, initial=means[analysis.reference]))
    figure, (axes,) = plot(1.0 + 0.36 * (len(steps) + 2))
    _draw(axes, steps, values, analysis.metric)
    names = [f"{factor_title(design, step.factor)}: {level_text(step.level)}" for step in steps]
    name_rows(axes, ["reference", *names, "best cell"])
    axes.grid(True, axis="x")
    axes.set_xlabel(title_of(effects, analysis.metric))
    text = "; ".join(f"{name}, times {plain(step.ratio)}" for name, step in zip(names, steps))
    title = f"From the reference to the best cell in {named(analysis)}"
    return Picture("way", title, text, figure, _CAPTION)


def _draw(axes: Axes, steps: Sequence[PathStep], values: Sequence[float], metric: str) -> None:
    """The reference above, a step per row, the best cell below."""
    logarithmic(axes, "x", values, pad=0.16)
    for index, (step, before, after) in enumerate(zip(steps, values, values[1:]), 1):
        _step(axes, -index, before, after, f"{TIMES} {plain(step.ratio)}")
    for at, value in ((0, values[0]), (-len(steps) - 1, values[-1])):
        axes.plot(value, at, "o", color=LIGHT["ink"], markersize=6)
        axes.annotate(value_text(value, metric), (value, at), (8, 0), textcoords="offset points", va="center")


def _step(axes: Axes, at: float, before: float, after: float, words: str) -> None:
    axes.barh(at, after - before, left=before, height=0.5, color=LIGHT["bar"])
    axes.plot([after, after], [at - 0.95, at], color=LIGHT["soft"], linewidth=0.8)
    axes.annotate(words, (max(before, after), at), (6, 0), textcoords="offset points", va="center", fontsize=8)
