"""Throughput against energy per token: which cells are efficient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import Cell
from llenergymeasure.domain.study.effects import CellEffect, ParetoPoint, StudyEffects
from llenergymeasure.domain.study.names import level_text
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.axes import Line, label_points, logarithmic
from llenergymeasure.results.report.figures.canvas import Picture, label, plot, styled
from llenergymeasure.results.study_tables.texts import named, title_of, value_text

# Longer names of cells are replaced by their numbers.
_LONGEST_LABEL = 26
# Of more cells, only the efficient ones and the reference have a label.
_MOST_LABELS = 16
# Of more cells, the intervals would hide the points.
_MOST_CROSSES = 60
# More are not distinguishable, and only make the page larger.
_MOST_POINTS = 1500


@styled
def pareto(study: StudyData, effects: StudyEffects) -> Picture | None:
    """All cells, the efficient ones connected; None where one of both metrics was not measured."""
    points = sorted(effects.pareto, key=lambda point: (not point.efficient, point.x))
    if not points:
        return None
    of_x, of_y = effects.pareto_metrics
    figure, (axes,) = plot(4.6)
    crosses = _crosses(effects, points) if len(points) <= _MOST_CROSSES else []
    logarithmic(
        axes, "x", [*(point.x for point in points), *(end for cross in crosses for end in cross.across)], pad=0.12
    )
    logarithmic(axes, "y", [*(point.y for point in points), *(end for cross in crosses for end in cross.up)], pad=0.12)
    axes.grid(True)
    lines = [line for cross in crosses for line in cross.lines]
    for (x0, y0), (x1, y1) in lines:
        axes.plot([x0, x1], [y0, y1], color=LIGHT["soft"], linewidth=0.8)
    _draw(axes, points, study.design.reference)
    axes.set_xlabel(f"{title_of(effects, of_x)} ({_better(of_x)} is better)")
    axes.set_ylabel(f"{title_of(effects, of_y)} ({_better(of_y)} is better)")
    few, reference = len(points) <= _MOST_LABELS, study.design.reference
    with_label = [few or point.efficient or point.cell == reference for point in points]
    labels = [
        _labels(study, point.cell) if is_named else [] for point, is_named in zip(points, with_label, strict=True)
    ]
    label_points(figure, axes, [(point.x, point.y) for point in points], labels, lines)
    figure.legend(loc="outside upper left", ncols=3)
    efficient = ", ".join(
        f"{study.design.cell(each.cell).label} ({value_text(each.x, of_x)} {METRICS[of_x].unit}, {value_text(each.y, of_y)} "
        f"{METRICS[of_y].unit})"
        for each in points
        if each.efficient
    )
    names = {each.metric: named(each) for each in effects.metrics}
    title = f"{names[of_y]} against {names[of_x]}"
    known = " Lines: 95 % intervals of the means." if crosses else ""
    caption = f"A point per cell: geometric means of its runs.{known} A label is the levels of a cell, or its number."
    return Picture("pareto", title, f"Efficient: {efficient}", figure, caption)


class _Cross(NamedTuple):
    """A point with the intervals of both means; empty where one is not known."""

    point: ParetoPoint
    across: Sequence[float]
    up: Sequence[float]

    @property
    def lines(self) -> list[Line]:
        """The intervals as lines through the point."""
        across = [((self.across[0], self.point.y), (self.across[1], self.point.y))] if self.across else []
        return [*across, *([((self.point.x, self.up[0]), (self.point.x, self.up[1]))] if self.up else [])]


def _crosses(effects: StudyEffects, points: Sequence[ParetoPoint]) -> list[_Cross]:
    found = [effects.metric(name) for name in effects.pareto_metrics]
    cells = [{cell.cell: cell for cell in analysis.cells} if analysis else {} for analysis in found]
    crosses = [_Cross(point, *(_interval(by_id.get(point.cell)) for by_id in cells)) for point in points]
    return [cross for cross in crosses if cross.across or cross.up]


def _interval(cell: CellEffect | None) -> Sequence[float]:
    return () if cell is None or cell.low is None or cell.high is None else (cell.low, cell.high)


def _draw(axes: Axes, points: Sequence[ParetoPoint], reference: str) -> None:
    front = [point for point in points if point.efficient]
    others = [point for point in points if not point.efficient]
    others = others[:: -(-len(others) // _MOST_POINTS) or 1]
    axes.plot([p.x for p in front], [p.y for p in front], color=LIGHT["a"], linewidth=1, linestyle=(0, (4, 2)))
    for found, shade, words in (
        (others, "modelled", "another cell is better in both"),
        (front, "a", "efficient: no cell is better in both"),
    ):
        axes.plot([p.x for p in found], [p.y for p in found], "o", color=LIGHT[shade], label=words)
    for point in points:
        if point.cell == reference:
            axes.plot(point.x, point.y, "o", markersize=11, markerfacecolor="none", color=LIGHT["b"], label="reference")


def _better(metric: str) -> str:
    return "more" if METRICS[metric].better == "higher" else "less"


def _labels(study: StudyData, cell_id: str) -> list[str]:
    """The levels of the cell where they are short, and its number."""
    levels = levels_label(study, study.design.cell(cell_id))
    return [levels, cell_id] if levels and len(levels) <= _LONGEST_LABEL else [cell_id]


def levels_label(study: StudyData, cell: Cell) -> str:
    """The levels of a cell, in the order of the factors."""
    present = [factor for factor in study.design.factors if factor.name in cell.levels]
    return label(", ".join(level_text(factor.levels[cell.levels[factor.name]]) for factor in present), 60)
