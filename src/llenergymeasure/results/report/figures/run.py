"""The steps of a whole run with the power of each GPU: idle, loading, warm-up, the window, and after it."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from llenergymeasure._format import number
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.timeline import RunPhase
from llenergymeasure.results.report.colours import LIGHT
from llenergymeasure.results.report.figures.canvas import Picture, plot, styled
from llenergymeasure.results.report.figures.traces import Row, Traces, draw_line, run_rows

STEPS = {
    "idle": "idle",
    "load": "load",
    "warmup": "warm-up",
    "floor": "thermal floor",
    "ramp_up": "ramp-up",
    "meter": "meter opens",
    "window": "window",
    "drain": "drain",
}
# A narrower step, as a share of the run, has no space for its name.
_LEAST_NAMED = 0.012


@styled
def run(result: ExperimentResult) -> Picture | None:
    """The steps of the run, with the power of each GPU on a scale of its own where known; None without steps."""
    timeline = result.timeline
    if timeline is None or not timeline.phases:
        return None
    traces = run_rows(result)
    ends = [max(timeline.phases[-1].end_s, 1e-9), *(rows[-1].end_s for rows in traces.values())]
    figure, panels = plot(0.5 + 1.5 * len(traces) if traces else 0.95, rows=max(len(traces), 1), sharex=True)
    for axes in panels:
        axes.set_xlim(timeline.phases[0].start_s, max(ends))
        _shade(axes, timeline.phases)
        axes.set_yticks([])
    for axes, (gpu, rows) in zip(panels, traces.items()):
        _draw_power(axes, gpu, rows, several=len(traces) > 1)
    if len(traces) == 1:
        _draw_idle(panels[0], result.baseline.power_w)
    _name_steps(panels[0], timeline.phases)
    panels[-1].set_xlabel("seconds from the start of the window")
    title = "Power over the whole run" if traces else "Steps of the run"
    return Picture("run", title, _text(timeline.phases, traces), figure, _caption(result, traces))


def _shade(axes: Axes, phases: Sequence[RunPhase]) -> None:
    """Each step has its shade, and the window has lines at both edges."""
    for phase in phases:
        shade = LIGHT[phase.name if phase.name in STEPS else "idle"]
        axes.axvspan(phase.start_s, phase.end_s, color=shade, linewidth=0)
    for edge_s in (0.0, max(phase.end_s for phase in phases if phase.name != "drain")):
        axes.axvline(edge_s, color=LIGHT["ink"], linewidth=1)


def _name_steps(axes: Axes, phases: Sequence[RunPhase]) -> None:
    length_s = phases[-1].end_s - phases[0].start_s
    for phase in phases:
        name = STEPS.get(phase.name, phase.name)
        if phase.end_s - phase.start_s > _LEAST_NAMED * len(name) * length_s:
            middle = (phase.start_s + phase.end_s) / 2
            axes.text(middle, 1.02, name, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=8)


def _draw_power(axes: Axes, gpu: int, rows: Sequence[Row], *, several: bool) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_ylim(0, max(*(row.value for row in rows), 1e-9) * 1.1)
    axes.set_ylabel(f"GPU {gpu}\npower in W" if several else "power in W")
    draw_line(axes, gpu, rows)


def _draw_idle(axes: Axes, idle_w: float | None) -> None:
    if idle_w is None:
        return
    axes.set_ylim(0, max(axes.get_ylim()[1], idle_w * 1.1))
    axes.axhline(idle_w, color=LIGHT["soft"], linestyle=(0, (4, 3)), linewidth=1)
    words = f"idle {number(idle_w, 'W')}"
    axes.annotate(words, (0.99, idle_w), (0, 3), ("axes fraction", "data"), "offset points", ha="right", fontsize=8)


def _text(phases: Sequence[RunPhase], traces: Traces) -> str:
    steps = (f"{STEPS.get(each.name, each.name)} {number(each.end_s - each.start_s, 's')}" for each in phases)
    return "; ".join([*steps, *(f"GPU {gpu}: {_range(rows)}" for gpu, rows in traces.items())])


def _range(rows: Sequence[Row]) -> str:
    values = [row.value for row in rows]
    return f"{number(min(values), 'W')} to {number(max(values), 'W')}"


def _caption(result: ExperimentResult, traces: Traces) -> str:
    steps = "The steps of the run; the window is between the two lines."
    if not traces:
        return steps
    scale = "Each GPU has its own scale." if len(traces) > 1 else ""
    idle_w = result.baseline.power_w
    idle = "" if idle_w is None or len(traces) == 1 else f"Idle power of all GPUs together: {number(idle_w, 'W')}."
    inside = (
        "" if result.timeseries is not None else "The power in the window is missing, because its file was not found."
    )
    return " ".join(filter(None, [steps, "Mean power of a second or more per value.", scale, idle, inside]))
