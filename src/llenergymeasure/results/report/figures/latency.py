"""Histograms of latencies."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llenergymeasure._format import milliseconds, time_unit
from llenergymeasure.domain.measurements import Distribution
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.canvas import NARROW, Picture, plot, styled

MOST_BINS = 40


@styled
def latency(
    name: str, title: str, values: Sequence[float], summary: Distribution, weights: Sequence[float] | None = None
) -> Picture | None:
    """Histogram of latencies in ms, with the median and the 95th percentile; None without values."""
    if not values:
        return None
    figure, (axes,) = plot(2.2, NARROW)
    ends = bin_ends(values)
    axes.hist(values, bins=ends, weights=weights, color=LIGHT["bar"], edgecolor=LIGHT["paper"], linewidth=0.5)
    marks = [(summary.p50_ms, "median", "-")]
    if not math.isclose(summary.p50_ms, summary.p95_ms, abs_tol=0.1 * (ends[-1] - ends[0])):
        marks.append((summary.p95_ms, "p95", "--"))
    for value, words, dashes in marks:
        axes.axvline(value, color=LIGHT["ink"], linestyle=dashes, linewidth=1.2)
        axes.text(value, 1.02, words, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8)
    unit, divisor = time_unit(ends[-1])
    axes.xaxis.set_major_formatter(lambda value_ms, _: f"{value_ms / divisor:g}")
    axes.set(xlim=(ends[0], ends[-1]), xlabel=f"{title} in {unit}", ylabel="samples")
    median, p95 = milliseconds((summary.p50_ms, summary.p95_ms))
    text = f"{summary.count} samples; median {median}, p95 {p95}"
    return Picture(f"latency-{name}", title, text, figure, f"Histogram of {summary.count} samples: {title}.")


def bin_ends(values: Sequence[float], most: int = MOST_BINS) -> list[float]:
    """The ends of bins of equal width: about the square root of the number of values, at most `most`."""
    low, high = min(values), max(values)
    if not high > low or math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-300):  # bins below that have no width
        pad = abs(low) * 0.05 or 0.5
        return [low - pad, low + pad]
    count = max(min(math.ceil(math.sqrt(len(values))), most), 5)
    return [low + (high - low) * index / count for index in range(count)] + [high]
