"""Logarithmic axes with ticks at round numbers, and labels of points that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from llenergymeasure._format import number

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
    room = math.log(high / low) * pad or 0.1
    ends = low * math.exp(-room), high * math.exp(room)
    axes.set(**{f"{which}scale": "log", f"{which}lim": ends})
    axis, ticks = (axes.xaxis if which == "x" else axes.yaxis), list(at or log_ticks(*ends))
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_ticklabels([number(tick, "", 4) for tick in ticks])


# Where a label may be, in points from its point, with its alignment.
_PLACES = (
    (7.0, 0.0, "left", "center"), (0.0, 7.0, "center", "bottom"), (0.0, -7.0, "center", "top"), (-7.0, 0.0, "right", "center"),
    (5.0, 5.0, "left", "bottom"), (5.0, -5.0, "left", "top"), (-5.0, 5.0, "right", "bottom"), (-5.0, -5.0, "right", "top"),
)  # fmt: skip


def label_points(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float]], labels: Sequence[Sequence[str]]
) -> None:
    """Write a label beside each point where there is room.

    Args:
        figure: the figure.
        axes: its axes, with final limits.
        points: the points, the most important first.
        labels: for each point, its label, then shorter ones that are used where there is less room; empty = no label.
    """
    figure.draw_without_rendering()  # fixes the layout, which the positions in pixels need
    dots = [Bbox.from_extents(x - 4, y - 4, x + 4, y + 4) for x, y in axes.transData.transform(list(points))]
    taken = list(dots)
    for index, (point, words) in enumerate(zip(points, labels, strict=True)):
        others = taken[:index] + taken[index + 1 :]
        for text, place in product(words, _PLACES):
            box = _written(axes, point, text, place, others)
            if box is not None:
                taken.append(box)
                break


def _written(
    axes: Axes, point: tuple[float, float], text: str, place: tuple[float, float, str, str], taken: Sequence[Bbox]
) -> Bbox | None:
    """Write the label at this place, and return its box; None, and nothing is written, where it would cover something."""
    right, up, across, along = place
    note = axes.annotate(text, point, (right, up), textcoords="offset points", ha=across, va=along, fontsize=7.5)
    note.set_in_layout(False)
    box = note.get_window_extent()
    inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 and axes.bbox.y0 <= box.y0 and box.y1 <= axes.bbox.y1
    if inside and not any(_overlap(box, other) for other in taken):
        return box
    note.remove()
    return None


def _overlap(one: Bbox, other: Bbox) -> bool:
    return bool(one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1)
