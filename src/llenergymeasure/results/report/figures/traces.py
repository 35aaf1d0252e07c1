"""Values over time, by GPU: of the time series of the window, and of the power outside it; and lines of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from matplotlib.axes import Axes

from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.sensors import PowerTrace
from llenergymeasure.results.report.figures.canvas import DASHES, colour

# A figure is 900 pixels wide, so more rows per line would only make the page larger.
MOST_ROWS = 800
# Times are rounded to a thousandth of a second, so a longer time between two rows is a gap.
_GAP_S = 1e-3


class Row(NamedTuple):
    """A value from a time to another, in s from the start of the window."""

    start_s: float
    end_s: float
    value: float


Traces = Mapping[int, Sequence[Row]]


def window_rows(result: ExperimentResult, column: str) -> Traces:
    """A column of the time series by number of the GPU, without missing values; empty without a time series."""
    series = result.timeseries
    if series is None:
        return {}
    cells = sorted(zip(series.gpu_index, series.timestamp_s, getattr(series, column)), key=lambda cell: cell[:2])
    found = {}
    for gpu, group in groupby(cells, lambda cell: cell[0]):
        times, values = zip(*((time_s, value) for _, time_s, value in group), strict=True)
        ends = [*times[1:], max(result.duration_sec, times[-1])]
        found[gpu] = thinned([Row(*row) for row in zip(times, ends, values, strict=True) if row[2] is not None])
    return {gpu: rows for gpu, rows in found.items() if rows}


def run_rows(result: ExperimentResult) -> Traces:
    """Power of the whole run by number of the GPU: before the window, in it and after it."""
    found: dict[int, list[Row]] = {gpu: list(rows) for gpu, rows in window_rows(result, "power_w").items()}
    for trace in result.timeline.outside if result.timeline else ():
        found.setdefault(trace.gpu_index, []).extend(_outside_rows(trace))
    return {gpu: sorted(rows) for gpu, rows in sorted(found.items()) if rows}


def _outside_rows(trace: PowerTrace) -> list[Row]:
    rows = zip(trace.start_s, trace.end_s, trace.power_w, strict=True)
    return [Row(start_s, end_s, power_w) for start_s, end_s, power_w in rows if power_w is not None]


def thinned(rows: Sequence[Row], most: int = MOST_ROWS) -> list[Row]:
    """About `most` rows; with more, neighbouring rows are averaged. A row never covers a gap."""
    size = math.ceil(len(rows) / most)
    groups = [part[start : start + size] for part in _without_gaps(rows) for start in range(0, len(part), size)]
    return [
        Row(group[0].start_s, group[-1].end_s, math.fsum(row.value for row in group) / len(group)) for group in groups
    ]


def _without_gaps(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows in parts without a gap between two rows."""
    parts: list[list[Row]] = []
    for row in rows:
        if not parts or row.start_s > parts[-1][-1].end_s + _GAP_S:
            parts.append([])
        parts[-1].append(row)
    return parts


def seconds_per_row(result: ExperimentResult) -> int:
    """Number of rows (seconds) of the time series that each value of a figure represents."""
    series = result.timeseries
    rows = len(series) // max(len(set(series.gpu_index)), 1) if series else 0
    return max(math.ceil(rows / MOST_ROWS), 1)


def draw_line(axes: Axes, gpu: int, rows: Sequence[Row], index: int = 0) -> None:
    """A line of steps, with gaps where nothing is known."""
    points: list[tuple[float, float]] = []
    for row in rows:
        if points and row.start_s > points[-1][0] + _GAP_S:
            points.append((row.start_s, math.nan))
        points += [(row.start_s, row.value), (row.end_s, row.value)]
    axes.plot(
        [time_s for time_s, _ in points], [value for _, value in points], color=colour(index),
        linestyle=DASHES[index % len(DASHES)], linewidth=1.4, label=f"GPU {gpu}",
    )  # fmt: skip
