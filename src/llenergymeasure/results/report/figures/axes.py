"""Logarithmic axes with ticks at round numbers, and labels of points that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from llenergymeasure._format import number
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.canvas import label

# Steps of the ticks inside a decade, from few to many.
_STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
_FEWEST, _MOST = 4, 8
# With a smaller ratio of both ends, equal steps are enough.
_WIDE = 4.0


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers inside a range of positive numbers."""
    if high / low < _WIDE:
        ticks = [float(tick) for tick in MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)]
        return _inside(ticks, low, high)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [_inside([step * 10.0**decade for decade, step in product(decades, steps)], low, high) for steps in _STEPS]
    return next((ticks for ticks in found if _FEWEST <= len(ticks) <= _MOST), found[0] or found[-1])


def _inside(ticks: Sequence[float], low: float, high: float) -> list[float]:
    return [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]


def logarithmic(
    axes: Axes, which: Literal["x", "y"], values: Sequence[float], pad: float = 0.06, at: Sequence[float] | None = None
) -> None:
    """Make an axis logarithmic.

    Args:
        axes: the axes.
        which: the axis.
        values: positive numbers that it must show.
        pad: empty space at both ends, as a share of the length.
        at: where the ticks are; None = at round numbers.
    """
    low, high = min(values), max(values)
    margin = math.log(high / low) * pad or 0.1
    ends = low * math.exp(-margin), high * math.exp(margin)
    axes.set(**{f"{which}scale": "log", f"{which}lim": ends})
    axis, ticks = (axes.xaxis if which == "x" else axes.yaxis), list(at or log_ticks(*ends))
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_ticklabels([number(tick, "", 4) for tick in ticks])


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Write a name beside each row; the first row is at 0, the next at -1."""
    axes.set_yticks([-index for index in range(len(names))], list(map(label, names)))
    axes.tick_params(axis="y", length=0, labelcolor=LIGHT["ink"])


@dataclass(frozen=True)
class _Place:
    """Where a label may be: its distance from the point in points, and which part of it is there."""

    right: float
    up: float
    across: Literal["left", "center", "right"]
    along: Literal["bottom", "center", "top"]

    def box(self, point: tuple[float, float], size: tuple[float, float], scale: float) -> Bbox:
        """The box of a label in pixels."""
        x = point[0] + self.right * scale - size[0] * {"left": 0.0, "center": 0.5, "right": 1.0}[self.across]
        y = point[1] + self.up * scale - size[1] * {"bottom": 0.0, "center": 0.5, "top": 1.0}[self.along]
        return Bbox.from_bounds(x, y, *size)


_PLACES = (
    _Place(7, 0, "left", "center"), _Place(0, 7, "center", "bottom"), _Place(0, -7, "center", "top"),
    _Place(-7, 0, "right", "center"), _Place(5, 5, "left", "bottom"), _Place(5, -5, "left", "top"),
    _Place(-5, 5, "right", "bottom"), _Place(-5, -5, "right", "top"),
)  # fmt: skip
_LABEL_POINTS = 7.5
Line = tuple[tuple[float, float], tuple[float, float]]


def label_points(
    figure: Figure,
    axes: Axes,
    points: Sequence[tuple[float, float]],
    labels: Sequence[Sequence[str]],
    lines: Sequence[Line] = (),
) -> None:
    """Write a label beside each point where there is space.

    Args:
        figure: the figure.
        axes: its axes, with final limits.
        points: the points, the most important first.
        labels: for each point, its label, then shorter ones that are used where there is less space; empty = no label.
        lines: lines that no label may cross, each by its two ends, along one of the axes.
    """
    figure.draw_without_rendering()  # fixes the layout, which the positions in pixels need
    pixels = [(float(x), float(y)) for x, y in axes.transData.transform(list(points))]
    dots = [Bbox.from_extents(x - 4, y - 4, x + 4, y + 4) for x, y in pixels]
    taken = [_box_of(axes, line) for line in lines]
    for index, words in enumerate(labels):
        others = [*taken, *dots[:index], *dots[index + 1 :]]
        boxes = (
            (text, place, place.box(pixels[index], size, figure.dpi / 72))
            for text, size in ((text, _size(figure, text)) for text in words)
            for place in _PLACES
        )
        for text, place, box in boxes:
            if _is_free(box, axes, others):
                _write(axes, points[index], text, place)
                taken.append(box)
                break


def _box_of(axes: Axes, line: Line) -> Bbox:
    """The box of a line in pixels, with a small margin."""
    (x0, y0), (x1, y1) = axes.transData.transform(list(line))
    return Bbox.from_extents(min(x0, x1) - 1, min(y0, y1) - 1, max(x0, x1) + 1, max(y0, y1) + 1)


def _size(figure: Figure, text: str) -> tuple[float, float]:
    """Width and height of a text in pixels."""
    probe = figure.text(0, 0, text, fontsize=_LABEL_POINTS)
    box = probe.get_window_extent()
    probe.remove()
    return box.width, box.height


def _is_free(box: Bbox, axes: Axes, taken: Sequence[Bbox]) -> bool:
    inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 and axes.bbox.y0 <= box.y0 and box.y1 <= axes.bbox.y1
    return inside and not any(
        box.x0 < other.x1 and other.x0 < box.x1 and box.y0 < other.y1 and other.y0 < box.y1 for other in taken
    )


def _write(axes: Axes, point: tuple[float, float], text: str, place: _Place) -> None:
    note = axes.annotate(
        text, point, (place.right, place.up), textcoords="offset points", ha=place.across, va=place.along,
        fontsize=_LABEL_POINTS,
    )  # fmt: skip
    note.set_in_layout(False)
