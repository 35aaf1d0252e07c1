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
    if timeline.running is not None:
        return f"of the running requests; the height of the figure is {number(_most(timeline.running), '')} of them"
    known = any(batch.first_token_s is not None for batch in timeline.batches)
    return "of each batch" if known and len(timeline.batches) <= MOST_BATCHES else ""


def shading_keys(timeline: Timeline | None) -> tuple[tuple[str, str], ...]:
    """The shades with their meaning. A server does not report its phases, so that only the number of its requests is known."""
    if timeline is not None and timeline.running is not None and not timeline.running.prefill:
        return (("decode", "number"),)
    return (("prefill", "prefill"), ("decode", "decode"))


def shade(axes: Axes, timeline: Timeline | None) -> None:
    """Shade prefill and decode, unless there are too many batches."""
    if timeline is None or not shading_text(timeline):
        return
    if timeline.running is not None:
        _shade_requests(axes, timeline.running)
    else:
        _shade_batches(axes, timeline)


def _most(running: RunningRequests) -> float:
    return max(running.running)


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
    zero = [0.0] * len(running.running)
    prefill, total = ([value / top for value in values] for values in (running.prefill or zero, running.running))
    for name, low, high in (("prefill", zero, prefill), ("decode", prefill, total)):
        axes.fill_between(
            edges_s, [*low, low[-1]], [*high, high[-1]], step="post", transform=axes.get_xaxis_transform(),
            facecolor=LIGHT[name], linewidth=0,
        )  # fmt: skip
