"""The charts of a report. A chart is None when the result has no data for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from llenergymeasure._format import number
from llenergymeasure.domain.measurements import Distribution, Timeline
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.sensors import TimeSeries
from llenergymeasure.results.report.svg import Plot, Points, histogram, stairs

# A plot is 800 pixels wide, so more points per line would only make the page larger.
MOST_POINTS = 800
# More batches than this are not distinguishable in print.
MOST_BATCHES = 120
LINES = ("a", "b", "c", "d")
STEPS = {
    "idle": "idle",
    "load": "load",
    "warmup": "warm-up",
    "floor": "thermal floor",
    "meter": "meter opens",
    "window": "window",
}


def energy_chart(result: ExperimentResult) -> str | None:
    """Energy in J with its error bar, the cross-check and the energy above idle."""
    reading = result.energy
    if reading.energy_j is None:
        return None
    rows = [(f"{reading.meter} ({reading.method})", reading.energy_j, reading.uncertainty_j)]
    if reading.crosscheck_j is not None:
        rows.append(("cross-check", reading.crosscheck_j, None))
    if result.energy_adjusted_j is not None:
        rows.append(("above idle", result.energy_adjusted_j, None))
    highest = max(value + (spread or 0.0) for _, value, spread in rows)
    lowest = min(0.0, *(value - (spread or 0.0) for _, value, spread in rows))
    plot = Plot(
        "Energy with its error bar", (lowest, (highest or 1.0) * 1.05), (0, len(rows)), 880, 62 + 30 * len(rows), 150
    )
    for index, (name, value, spread) in enumerate(rows):
        at = len(rows) - index - 0.5
        plot.text(plot.left - 8, plot.at_y(at) + 4, name, "end")
        if spread is not None:
            _whisker(plot, value, spread, at)
        plot.dot(value, at, "dot")
    plot.x_axis(
        "energy in J" if reading.uncertainty_j is None else "energy in J; the bar is the expanded uncertainty, k = 2"
    )
    return plot.drawn()


def _whisker(plot: Plot, value: float, spread: float, at: float) -> None:
    plot.line([(value - spread, at), (value + spread, at)], "whisker")
    for end in (value - spread, value + spread):
        plot.line([(end, at - 0.18), (end, at + 0.18)], "whisker")


def run_chart(result: ExperimentResult) -> str | None:
    """The phases of the whole run, with idle power and the power of the window where known."""
    timeline = result.timeline
    if timeline is None or not timeline.phases:
        return None
    span = (timeline.phases[0].start_s, max(timeline.phases[-1].end_s, 1e-9))
    traces = _by_gpu(result.timeseries, "power_w") if result.timeseries else {}
    top = max((value for points in traces.values() for _, value in points), default=0.0)
    idle_w = result.baseline.power_w
    plot = Plot("Steps of the run", span, (0, max(top, idle_w or 0.0, 1e-9) * 1.1), height=200 if traces else 70)
    for phase in timeline.phases:
        plot.band((phase.start_s, phase.end_s), f"step {phase.name}", STEPS.get(phase.name, phase.name))
    if traces:
        plot.y_axis("power in W")
        _draw_lines(plot, traces, result.duration_sec)
        if idle_w is not None:
            together = " of all GPUs together" if len(traces) > 1 else ""
            plot.level(idle_w, "dashed", f"idle {number(idle_w, 'W')}{together}")
    plot.x_axis("seconds from the start of the window")
    return plot.drawn()


def window_chart(result: ExperimentResult, column: str, label: str, *, from_zero: bool = True) -> str | None:
    """One column of the time series over the window, a line per GPU, over the prefill and decode of each batch."""
    traces = _by_gpu(result.timeseries, column) if result.timeseries else {}
    values = [value for points in traces.values() for _, value in points]
    if not values:
        return None
    low, high = (0.0, max(values) * 1.1) if from_zero else (min(values) - 2, max(values) + 2)
    plot = Plot(label, (0, max(result.duration_sec, 1e-9)), (low, high if high > low else low + 1))
    shade_batches(plot, result.timeline)
    plot.y_axis(label)
    _draw_lines(plot, traces, result.duration_sec)
    if len(traces) > 1:
        plot.legend([(f"line {LINES[index % len(LINES)]}", f"GPU {gpu}") for index, gpu in enumerate(traces)])
    if result.thermal_throttle is not None:
        for time_s in result.thermal_throttle.throttle_timestamps[:MOST_BATCHES]:
            plot.mark(time_s, "throttled")
    plot.x_axis("seconds from the start of the window")
    return plot.drawn()


def shade_batches(plot: Plot, timeline: Timeline | None) -> None:
    """Shade prefill and decode of each batch, unless there are too many batches."""
    batches = timeline.batches if timeline else ()
    if len(batches) > MOST_BATCHES:
        return
    for batch in batches:
        if batch.first_token_s is not None:
            plot.band((batch.start_s, batch.first_token_s), "prefill")
            plot.band((batch.first_token_s, batch.end_s), "decode")


def are_shaded(timeline: Timeline | None) -> bool:
    """Whether prefill and decode are shaded in a chart of the window."""
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
    """Number of rows (seconds) that each point of the plots represents."""
    series = result.timeseries
    rows = len(series) // max(len(set(series.gpu_index)), 1) if series else 0
    return max(math.ceil(rows / MOST_POINTS), 1)


def _draw_lines(plot: Plot, traces: dict[int, list[tuple[float, float]]], end_s: float) -> None:
    for index, points in enumerate(traces.values()):
        plot.line(list(stairs(points, max(end_s, points[-1][0]))), f"line {LINES[index % len(LINES)]}")


def latency_chart(
    title: str, values: Sequence[float], summary: Distribution, weights: Sequence[float] | None = None
) -> str | None:
    """Histogram of latencies in ms, with the median and the 95th percentile."""
    if not values:
        return None
    bins = histogram(values, weights)
    low, high = bins[0][0][0], bins[-1][0][1]
    plot = Plot(title, (low, high), (0, max(share for _, share in bins) * 1.05), width=430, height=190, left=48)
    plot.y_axis("samples")
    for span, share in bins:
        plot.bar(span, (0, share), "bin")
    plot.mark(summary.p50_ms, "median", "median")
    if not math.isclose(summary.p50_ms, summary.p95_ms, rel_tol=0.1 * (high - low) / (abs(high) or 1)):
        plot.mark(summary.p95_ms, "dashed", "p95")
    plot.x_axis(f"{title} in ms")
    return plot.drawn()


def split_chart(title: str, parts: Sequence[tuple[str, float, str]]) -> str | None:
    """One bar per part with its energy in J and its kind (measured, modelled, ...)."""
    if not parts:
        return None
    values = [value for _, value, _ in parts]
    plot = Plot(title, (min(0.0, *values), max(*values, 1e-12) * 1.35), (0, len(parts)), 880, 62 + 26 * len(parts), 190)
    for index, (name, value, kind) in enumerate(parts):
        at = len(parts) - index - 0.5
        plot.text(plot.left - 8, plot.at_y(at) + 4, name, "end")
        plot.bar((min(0.0, value), max(0.0, value)), (at - 0.3, at + 0.3), f"part {kind}")
        plot.text(plot.at_x(max(0.0, value)) + 6, plot.at_y(at) + 4, number(value, "J"))
    plot.x_axis("energy in J")
    return plot.drawn()
