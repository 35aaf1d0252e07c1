"""The work behind a figure of the window: prefill and decode of each batch, or the number of running requests."""

from __future__ import annotations

from matplotlib.axes import Axes

from llenergymeasure._format import number
from llenergymeasure.domain.timeline import RunningRequests, Timeline
from llenergymeasure.results.report.colours import LIGHT

# More batches than this are not distinguishable in print.
MOST_BATCHES = 120


def shading_text(timeline: Timeline | None) -> str:
    """What the shading shows; empty without it."""
    if timeline is None:
        return ""
    if _is_known(timeline.running):
        return f"of the running requests; the height of the figure is {number(_most(timeline.running), '')} of them"
    known = any(batch.first_token_s is not None for batch in timeline.batches)
    return "of each batch" if known and len(timeline.batches) <= MOST_BATCHES else ""


def shade(axes: Axes, timeline: Timeline | None) -> None:
    """Shade prefill and decode, unless there are too many batches."""
    if timeline is None or not shading_text(timeline):
        return
    if timeline.running is not None:
        _shade_requests(axes, timeline.running)
    else:
        _shade_batches(axes, timeline)


def _is_known(running: RunningRequests | None) -> bool:
    return running is not None and bool(running.prefill)


def _most(running: RunningRequests | None) -> float:
    return max(running.running) if running is not None else 0.0


def _shade_batches(axes: Axes, timeline: Timeline) -> None:
    known = [
        (batch.start_s, batch.first_token_s, batch.end_s)
        for batch in timeline.batches
        if batch.first_token_s is not None
    ]
    for name, spans in (
        ("prefill", [(start, first - start) for start, first, _ in known]),
        ("decode", [(first, end - first) for _, first, end in known]),
    ):
        axes.broken_barh(spans, (0, 1), transform=axes.get_xaxis_transform(), facecolors=LIGHT[name], linewidth=0)


def _shade_requests(axes: Axes, running: RunningRequests) -> None:
    """Stack the requests in decode on those in prefill."""
    edges_s = [part * running.part_s for part in range(len(running.running) + 1)]
    top = _most(running) or 1.0
    prefill, total = ([value / top for value in values] for values in (running.prefill, running.running))
    zero = [0.0] * len(total)
    for name, low, high in (("prefill", zero, prefill), ("decode", prefill, total)):
        axes.fill_between(
            edges_s, [*low, low[-1]], [*high, high[-1]], step="post", transform=axes.get_xaxis_transform(),
            facecolor=LIGHT[name], linewidth=0,
        )  # fmt: skip
