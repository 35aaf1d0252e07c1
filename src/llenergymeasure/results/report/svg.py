"""Draws plots as SVG text: axes, lines, bars and bands. Every text is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

Span = tuple[float, float]
Points = Sequence[tuple[float, float]]

LEFT, RIGHT, TOP, BOTTOM = 56.0, 22.0, 18.0, 38.0


def ticks_of(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from `low` to `high`: multiples of 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)) or (high - low) / about <= 0:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def short(value: float) -> str:
    """A coordinate or a tick in few characters."""
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.3g}"


@dataclass
class Plot:
    """A plot area with two linear axes.

    Attributes:
        title: description of the plot for screen readers.
        x: first and last value of the horizontal axis.
        y: first and last value of the vertical axis.
        width: width of the whole picture in pixels at full size.
        height: height of the whole picture in pixels.
        left: width of the labels of the vertical axis in pixels.
    """

    title: str
    x: Span
    y: Span
    width: float = 880.0
    height: float = 240.0
    left: float = LEFT
    _marks: list[str] = field(default_factory=list)

    def at_x(self, value: float) -> float:
        """Horizontal position of a value in pixels from the left."""
        return self.left + (self.width - self.left - RIGHT) * _share(value, self.x)

    def at_y(self, value: float) -> float:
        """Vertical position of a value in pixels from the top."""
        return TOP + (self.height - TOP - BOTTOM) * (1 - _share(value, self.y))

    def band(self, span: Span, kind: str, label: str = "") -> None:
        """Shade a part of the horizontal axis; the label is left out where it does not fit."""
        left, right = self.at_x(max(span[0], self.x[0])), self.at_x(min(span[1], self.x[1]))
        if right <= left:
            return
        top, bottom = self.at_y(self.y[1]), self.at_y(self.y[0])
        self._box(left, top, right - left, bottom - top, kind)
        if label and right - left > 6.5 * len(label):
            self.text((left + right) / 2, TOP - 5, label, "middle")

    def bar(self, span: Span, heights: Span, kind: str) -> None:
        """A rectangle from `heights[0]` to `heights[1]`."""
        left, right = self.at_x(span[0]), self.at_x(span[1])
        top, bottom = self.at_y(heights[1]), self.at_y(heights[0])
        self._box(left, top, max(right - left, 0.5), bottom - top, kind)

    def line(self, points: Points, kind: str) -> None:
        """A line through the points, in the order given."""
        if points:
            path = " ".join(f"{short(round(self.at_x(x), 2))},{short(round(self.at_y(y), 2))}" for x, y in points)
            self._marks.append(f'<polyline class="{kind}" points="{path}"/>')

    def dot(self, x: float, y: float, kind: str) -> None:
        """A point."""
        self._marks.append(f'<circle class="{kind}" cx="{self.at_x(x):.2f}" cy="{self.at_y(y):.2f}" r="4"/>')

    def text(self, left: float, top: float, words: str, anchor: str = "start") -> None:
        """Text at a position in pixels."""
        self._marks.append(f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{escape(words)}</text>')

    def x_axis(self, label: str) -> None:
        """Ticks and a label below."""
        bottom = self.at_y(self.y[0])
        self._marks.append(self._rule(self.left, bottom, self.width - RIGHT, bottom, "axis"))
        for tick in ticks_of(*self.x, about=8):
            at = self.at_x(tick)
            self._marks.append(self._rule(at, bottom, at, bottom + 4, "axis"))
            self.text(at, bottom + 16, short(tick), "middle")
        self.text((self.left + self.width - RIGHT) / 2, self.height - 5, label, "middle")

    def y_axis(self, label: str) -> None:
        """Ticks with faint lines, and a label on its side."""
        for tick in ticks_of(*self.y, about=4):
            at = self.at_y(tick)
            self._marks.append(self._rule(self.left, at, self.width - RIGHT, at, "grid"))
            self.text(self.left - 6, at + 4, short(tick), "end")
        middle = (self.at_y(self.y[0]) + self.at_y(self.y[1])) / 2
        self._marks.append(
            f'<text x="13" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 13 {middle:.1f})">'
            f"{escape(label)}</text>"
        )

    def level(self, value: float, kind: str, label: str = "") -> None:
        """A horizontal line across the plot."""
        at = self.at_y(value)
        self._marks.append(self._rule(self.left, at, self.width - RIGHT, at, kind))
        if label:
            self.text(self.width - RIGHT - 4, at - 4, label, "end")

    def mark(self, value: float, kind: str, label: str = "") -> None:
        """A vertical line across the plot, with a label at its top."""
        at = self.at_x(value)
        self._marks.append(self._rule(at, self.at_y(self.y[1]), at, self.at_y(self.y[0]), kind))
        if label:
            self.text(at, TOP - 5, label, "middle")

    def legend(self, entries: Sequence[tuple[str, str]]) -> None:
        """A legend above the plot, with a sample of each line and its name."""
        left = self.left
        for kind, name in entries:
            self._marks.append(self._rule(left, TOP - 9, left + 24, TOP - 9, kind))
            self.text(left + 29, TOP - 5, name)
            left += 45 + 7 * len(name)

    def _box(self, left: float, top: float, width: float, height: float, kind: str) -> None:
        self._marks.append(
            f'<rect class="{kind}" x="{left:.2f}" y="{top:.2f}" width="{width:.2f}" height="{height:.2f}"/>'
        )

    def _rule(self, left: float, top: float, right: float, bottom: float, kind: str) -> str:
        return f'<line class="{kind}" x1="{left:.2f}" y1="{top:.2f}" x2="{right:.2f}" y2="{bottom:.2f}"/>'

    def drawn(self) -> str:
        """The plot as SVG text."""
        size = f"0 0 {self.width:g} {self.height:g}"
        head = f'<svg viewBox="{size}" style="max-width:{self.width:g}px" role="img" aria-label="{escape(self.title)}">'
        return "\n".join([head, f"<title>{escape(self.title)}</title>", *self._marks, "</svg>"])


def _share(value: float, span: Span) -> float:
    """Relative position of a value in a range, 0 to 1."""
    return (value - span[0]) / (span[1] - span[0]) if span[1] != span[0] else 0.5


def stairs(starts: Points, end: float) -> Iterator[tuple[float, float]]:
    """Points of a step line, which keeps each value until the next one begins."""
    edges = [*(x for x, _ in starts[1:]), end]
    for (x, y), edge in zip(starts, edges):
        yield x, y
        yield edge, y


def histogram(
    values: Sequence[float], weights: Sequence[float] | None = None, most: int = 40
) -> list[tuple[Span, float]]:
    """Bins of equal width with their sums of weights: about the square root of the number of values, at most `most`."""
    low, high = min(values), max(values)
    if not high > low or math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-300):  # bins below that have no width
        pad = abs(low) * 0.05 or 0.5
        return [((low - pad, low + pad), float(sum(weights) if weights else len(values)))]
    count = max(min(math.ceil(math.sqrt(len(values))), most), 5)
    width = (high - low) / count
    filled = [0.0] * count
    for value, weight in zip(values, weights or [1] * len(values)):
        filled[min(int((value - low) / width), count - 1)] += weight
    return [((low + i * width, low + (i + 1) * width), share) for i, share in enumerate(filled)]
