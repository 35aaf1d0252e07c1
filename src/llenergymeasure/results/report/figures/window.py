"""Power, temperature and utilisation of one result in its window, over the shaded work."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from llenergymeasure._format import number
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.canvas import Picture, plot, styled
from llenergymeasure.results.report.figures.shading import shade
from llenergymeasure.results.report.figures.traces import Row, Traces, draw_line, seconds_per_row, window_rows
from llenergymeasure.results.study_tables.texts import capital

# More lines than this are not distinguishable in print.
MOST_LINES = 120


@styled
def window(result: ExperimentResult, column: str, title: str, *, from_zero: bool = True) -> Picture | None:
    """One column of the time series over the window, a line per GPU; None without values.

    Args:
        result: the result.
        column: name of the column.
        title: label of the axis.
        from_zero: whether the axis begins at 0.
    """
    traces = window_rows(result, column)
    if not traces:
        return None
    figure, (axes,) = plot(2.3)
    _prepare(axes, result, _values(traces), from_zero=from_zero)
    axes.set_ylabel(title)
    for index, (gpu, rows) in enumerate(traces.items()):
        draw_line(axes, gpu, rows, index)
    if len(traces) > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(len(traces), 8))
    axes.set_xlabel("seconds from the start of the window")
    text = "; ".join(f"GPU {gpu}: {_range(rows)}" for gpu, rows in traces.items())
    return Picture(f"window-{column}", f"{title} in the window", text, figure, _caption(result, title))


@styled
def window_power(result: ExperimentResult) -> Picture | None:
    """Power over the window, each GPU on a scale of its own; None without values."""
    traces = window_rows(result, "power_w")
    if not traces:
        return None
    figure, panels = plot(0.6 + 1.7 * len(traces), rows=len(traces), sharex=True)
    for axes, (gpu, rows) in zip(panels, traces.items()):
        _prepare(axes, result, [row.value for row in rows], from_zero=True)
        axes.set_ylabel(f"GPU {gpu}\npower in W" if len(traces) > 1 else "power in W")
        draw_line(axes, gpu, rows)
    panels[-1].set_xlabel("seconds from the start of the window")
    text = "; ".join(f"GPU {gpu}: {_range(rows)} W" for gpu, rows in traces.items())
    scale = " Each GPU has its own scale." if len(traces) > 1 else ""
    caption = f"{_caption(result, 'power in W')}{scale}"
    return Picture("window-power_w", "power in W in the window", text, figure, caption)


def _prepare(axes: Axes, result: ExperimentResult, values: Sequence[float], *, from_zero: bool) -> None:
    low, high = (0.0, max(values) * 1.1) if from_zero else (min(values) - 2, max(values) + 2)
    axes.set(xlim=(0, max(result.duration_sec, 1e-9)), ylim=(low, high if high > low else low + 1))
    shade(axes, result.timeline)
    axes.grid(True, axis="y")
    for time_s in result.thermal_throttle.throttle_timestamps[:MOST_LINES] if result.thermal_throttle else ():
        axes.axvline(time_s, color=LIGHT["b"], linewidth=1)


def _values(traces: Traces) -> list[float]:
    return [row.value for rows in traces.values() for row in rows]


def _range(rows: Sequence[Row]) -> str:
    values = [row.value for row in rows]
    return f"from {number(min(values), '')} to {number(max(values), '')}"


def _caption(result: ExperimentResult, title: str) -> str:
    seconds = seconds_per_row(result)
    value = "One value per second and GPU." if seconds == 1 else f"One value per {seconds} s (mean) and GPU."
    throttled = bool(result.thermal_throttle and result.thermal_throttle.throttle_timestamps)
    lines = " Vertical lines: the clocks were throttled." if throttled else ""
    return f"{capital(title)} in the window. {value}{lines}"
