"""Power, temperature and utilisation of one result over time, over the steps of the run and the batches of the window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from matplotlib.axes import Axes

from llenergymeasure._format import number
from llenergymeasure.domain.measurements import Timeline
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.sensors import TimeSeries
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.canvas import DASHES, Picture, colour, plot, styled

Points = Sequence[tuple[float, float]]

# A figure is 900 pixels wide, so more points per line would only make the page larger.
MOST_POINTS = 800
# More batches than this are not distinguishable in print.
MOST_BATCHES = 120
STEPS = {
    "idle": "idle",
    "load": "load",
    "warmup": "warm-up",
    "floor": "thermal floor",
    "meter": "meter opens",
    "window": "window",
}
# A narrower step, as a share of the run, has no space for its name.
_LEAST_NAMED = 0.012


@styled
def run(result: ExperimentResult) -> Picture | None:
    """The steps of the whole run, with idle power and the power of the window where known; None without steps."""
    timeline = result.timeline
    if timeline is None or not timeline.phases:
        return None
    start_s, end_s = timeline.phases[0].start_s, max(timeline.phases[-1].end_s, 1e-9)
    traces = _by_gpu(result.timeseries, "power_w") if result.timeseries else {}
    figure, (axes,) = plot(2.3 if traces else 0.95)
    axes.set_xlim(start_s, end_s)
    for phase in timeline.phases:
        axes.axvspan(
            phase.start_s, phase.end_s, color=LIGHT[phase.name if phase.name in STEPS else "idle"], linewidth=0
        )
        name, share = STEPS.get(phase.name, phase.name), (phase.end_s - phase.start_s) / (end_s - start_s)
        if share > _LEAST_NAMED * len(name):
            middle = (phase.start_s + phase.end_s) / 2
            axes.text(middle, 1.02, name, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8)
    if traces:
        _draw_power(axes, result, traces)
    else:
        axes.set_yticks([])
    axes.set_xlabel("seconds from the start of the window")
    steps = (f"{STEPS.get(each.name, each.name)} {number(each.end_s - each.start_s, 's')}" for each in timeline.phases)
    return Picture("run", "Steps of the run", "; ".join(steps), figure)


def _draw_power(axes: Axes, result: ExperimentResult, traces: dict[int, list[tuple[float, float]]]) -> None:
    idle_w = result.baseline.power_w
    highest = max(value for points in traces.values() for _, value in points)
    axes.set_ylim(0, max(highest, idle_w or 0.0, 1e-9) * 1.1)
    axes.set_ylabel("power in W")
    _draw_lines(axes, traces, result.duration_sec)
    if idle_w is not None:
        together = " of all GPUs together" if len(traces) > 1 else ""
        axes.axhline(idle_w, color=LIGHT["soft"], linestyle=(0, (4, 3)), linewidth=1)
        words = f"idle {number(idle_w, 'W')}{together}"
        axes.annotate(words, (0.99, idle_w), (0, 3), ("axes fraction", "data"), "offset points", ha="right", fontsize=8)


@styled
def window(result: ExperimentResult, column: str, title: str, *, from_zero: bool = True) -> Picture | None:
    """One column of the time series over the window, a line per GPU, over the prefill and decode of each batch.

    Args:
        result: the result.
        column: name of the column.
        title: label of the axis.
        from_zero: whether the axis begins at 0.
    """
    traces = _by_gpu(result.timeseries, column) if result.timeseries else {}
    values = [value for points in traces.values() for _, value in points]
    if not values:
        return None
    figure, (axes,) = plot(2.3)
    low, high = (0.0, max(values) * 1.1) if from_zero else (min(values) - 2, max(values) + 2)
    axes.set(xlim=(0, max(result.duration_sec, 1e-9)), ylim=(low, high if high > low else low + 1), ylabel=title)
    _shade_batches(axes, result.timeline)
    axes.grid(True, axis="y")
    _draw_lines(axes, traces, result.duration_sec)
    if len(traces) > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(len(traces), 8))
    _mark_throttling(axes, result)
    axes.set_xlabel("seconds from the start of the window")
    text = f"{len(traces)} GPUs; from {number(min(values), '')} to {number(max(values), '')}"
    return Picture(f"window-{column}", f"{title} in the window", text, figure)


def _mark_throttling(axes: Axes, result: ExperimentResult) -> None:
    times = result.thermal_throttle.throttle_timestamps[:MOST_BATCHES] if result.thermal_throttle else ()
    for time_s in times:
        axes.axvline(time_s, color=LIGHT["b"], linewidth=1)


def _shade_batches(axes: Axes, timeline: Timeline | None) -> None:
    """Shade prefill and decode of each batch, unless there are too many batches."""
    if not are_shaded(timeline) or timeline is None:
        return
    known = [
        (batch.start_s, batch.first_token_s, batch.end_s)
        for batch in timeline.batches
        if batch.first_token_s is not None
    ]
    for shade, spans in (
        ("prefill", [(start, first - start) for start, first, _ in known]),
        ("decode", [(first, end - first) for _, first, end in known]),
    ):
        axes.broken_barh(spans, (0, 1), transform=axes.get_xaxis_transform(), facecolors=LIGHT[shade], linewidth=0)


def are_shaded(timeline: Timeline | None) -> bool:
    """Whether prefill and decode are shaded in a figure of the window."""
    batches = timeline.batches if timeline else ()
    return 0 < len(batches) <= MOST_BATCHES and any(batch.first_token_s is not None for batch in batches)


def _by_gpu(series: TimeSeries, column: str) -> dict[int, list[tuple[float, float]]]:
    """Time and value per GPU, without rows that have no value."""
    rows = sorted(zip(series.gpu_index, series.timestamp_s, getattr(series, column)), key=lambda row: row[:2])
    known = [(gpu, time_s, value) for gpu, time_s, value in rows if value is not None]
    return {
        gpu: thinned([(time_s, value) for _, time_s, value in group])
        for gpu, group in groupby(known, lambda row: row[0])
    }


def thinned(points: Points, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most `most` points; with more, neighbouring points are averaged."""
    size = math.ceil(len(points) / most)
    groups = [points[start : start + size] for start in range(0, len(points), size or 1)]
    return [(group[0][0], math.fsum(value for _, value in group) / len(group)) for group in groups]


def rows_per_value(result: ExperimentResult) -> int:
    """Number of rows (seconds) that each point of the figures represents."""
    series = result.timeseries
    rows = len(series) // max(len(set(series.gpu_index)), 1) if series else 0
    return max(math.ceil(rows / MOST_POINTS), 1)


def _draw_lines(axes: Axes, traces: dict[int, list[tuple[float, float]]], end_s: float) -> None:
    """One step line per GPU; a value is kept until the next one begins."""
    for index, (gpu, points) in enumerate(traces.items()):
        times, values = [time_s for time_s, _ in points], [value for _, value in points]
        axes.step(
            [*times, max(end_s, times[-1])], [*values, values[-1]], where="post", color=colour(index),
            linestyle=DASHES[index % len(DASHES)], linewidth=1.4, label=f"GPU {gpu}",
        )  # fmt: skip
