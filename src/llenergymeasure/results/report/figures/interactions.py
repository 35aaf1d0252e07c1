"""How the effect of one factor depends on another, and the means of a factor's levels. Numbers have a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import FactorEffect, Interaction, StudyEffects
from llenergymeasure.domain.study.names import level_text
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.axes import logarithmic
from llenergymeasure.results.report.figures.canvas import DASHES, MARKERS, NARROW, Picture, colour, label, plot, styled
from llenergymeasure.results.study_tables.texts import capital, factor_title, named, title_of, value_text

MOST_LINES = 6
# Longer names of levels need wider columns of the legend.
_SHORT = 12
# More signs in all names of levels need names that are turned.
_MOST_SIGNS = 48
# More numbers have no space below the axis.
_MOST_NUMBERS = 7


@styled
def interaction(design: StudyDesign, effects: StudyEffects, found: Interaction, number: int) -> Picture | None:
    """The means by both factors: one along the axis, one line per level of the other; None without means.

    Args:
        design: the factors.
        effects: the analysis.
        found: an interaction of the headline.
        number: number of the figure, for its name.
    """
    if not found.means:
        return None
    metric = effects.headline
    factors, (along, of_line), means = _turned(found)
    across, lines = (factor_title(design, name, found.within) for name in factors)
    shown = of_line[:MOST_LINES]
    columns = 3 if max(len(level_text(level)) for level in shown) <= _SHORT else 1
    figure, (axes,) = plot(_height(along) + 0.18 * math.ceil(len(shown) / columns), NARROW)
    at = _level_axis(axes, along)
    for index, (level, values) in enumerate(zip(shown, means)):
        axes.plot(
            *_from_left(at, values), marker=MARKERS[index % len(MARKERS)], linestyle=DASHES[index % len(DASHES)],
            color=colour(index), label=label(level_text(level), 24), markersize=5, linewidth=1.5,
        )  # fmt: skip
    logarithmic(axes, "y", [value for values in means for value in values], pad=0.1)
    axes.grid(True, axis="y")
    axes.set_xlabel(label(across))
    axes.set_ylabel(label(title_of(effects, metric)))
    cut = "" if len(shown) == len(of_line) else f", {len(shown)} of {len(of_line)} levels"
    head = f"{label(lines, 30)}{cut}"
    figure.legend(title=head, loc="outside upper left", ncols=columns, handlelength=2.6, alignment="left")
    text = "; ".join(
        f"{lines} {level_text(level)}: "
        + ", ".join(f"{level_text(x)} {value_text(value, metric)}" for x, value in zip(along, values))
        for level, values in zip(of_line, means)
    )
    title = f"{named(effects.metrics[0])} by {across} and {lines}"
    return Picture(f"interaction-{number}", title, text, figure, f"{capital(title)}.")


def _turned(found: Interaction) -> tuple[tuple[str, str], tuple[tuple[Any, ...], tuple[Any, ...]], list[list[float]]]:
    """Factors, levels and means by line, so that numbers, or else the factor with more levels, are along the axis."""
    first, second = found.levels
    if (_are_numbers(first), len(first)) >= (_are_numbers(second), len(second)):
        by_line = [list(column) for column in zip(*found.means, strict=True)]
        return found.factors, (first, second), by_line
    return (found.factors[1], found.factors[0]), (second, first), [list(row) for row in found.means]


def _are_numbers(levels: Sequence[Any]) -> bool:
    """Whether all levels are positive numbers."""
    return len(levels) > 1 and all(
        isinstance(level, (int, float)) and not isinstance(level, bool) and level > 0 for level in levels
    )


def _level_axis(axes: Axes, levels: Sequence[Any]) -> list[float]:
    """Prepare the horizontal axis, and return the position of each level."""
    if _are_numbers(levels):
        numbers = sorted(map(float, levels))
        logarithmic(axes, "x", numbers, pad=0.1, at=numbers[:: -(-len(numbers) // _MOST_NUMBERS)])
        return [float(level) for level in levels]
    axes.set_xticks(range(len(levels)), _tick_names(levels))
    if _are_turned(levels):
        axes.set_xticks(range(len(levels)), _tick_names(levels), rotation=40, ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.5, len(levels) - 0.5)
    return [float(index) for index in range(len(levels))]


def _over(design: StudyDesign, factor: FactorEffect) -> str:
    """Of which cells the means of the levels are, where a reader could not know it."""
    if factor.at_best:
        return ", each backend at its reference cell"
    return ", over the other factors" if len(design.factors) > 1 and factor.within is None else ""


def _tick_names(levels: Sequence[Any]) -> list[str]:
    return [label(level_text(level), 18) for level in levels]


def _are_turned(levels: Sequence[Any]) -> bool:
    """Whether the names of the levels have no space beside each other."""
    return not _are_numbers(levels) and sum(map(len, _tick_names(levels))) > _MOST_SIGNS


def _height(levels: Sequence[Any]) -> float:
    """Height of a figure in inches; turned names need space below the axis."""
    return 4.0 if _are_turned(levels) else 3.0


def _from_left(at: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Positions and values from left to right, because levels may be in any order."""
    points = sorted(zip(at, values))
    return [x for x, _ in points], [y for _, y in points]


@styled
def levels(design: StudyDesign, effects: StudyEffects, factor: FactorEffect, number: int) -> Picture | None:
    """The mean at each level of a factor, with the interval of its ratio to the reference level."""
    name, metric = factor_title(design, factor.factor, factor.within), effects.headline
    known = [each.level for each in factor.levels]
    figure, (axes,) = plot(_height(known), NARROW)
    at, means = _level_axis(axes, known), [each.mean for each in factor.levels]
    axes.plot(
        *zip(*sorted(zip(at, means))), color=LIGHT["a"], marker="o", markersize=5, linewidth=1.2, linestyle=(0, (4, 2))
    )
    ends = []
    for place, each in zip(at, factor.levels):
        if each.ratio.low is not None and each.ratio.high is not None:
            low, high = (each.mean * end / each.ratio.value for end in (each.ratio.low, each.ratio.high))
            lengths = [[max(each.mean - low, 0)], [max(high - each.mean, 0)]]
            axes.errorbar(place, each.mean, yerr=lengths, color=LIGHT["a"], capsize=3.5)
            ends += [low, high]
    logarithmic(axes, "y", [*means, *ends], pad=0.1)
    axes.grid(True, axis="y")
    axes.set_xlabel(label(name))
    axes.set_ylabel(label(title_of(effects, metric)))
    text = "; ".join(f"{level_text(each.level)}: {value_text(each.mean, metric)}" for each in factor.levels)
    title = f"{named(effects.metrics[0])} by {name}"
    spread = " Vertical lines: 95 % intervals of the ratio to the reference level." if ends else ""
    return Picture(f"levels-{number}", title, text, figure, f"{capital(title)}{_over(design, factor)}.{spread}")
