"""How many requests ran at the same time, over the window, for an engine that schedules requests by itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from llenergymeasure.core.collect.stretches import lives_of, stretches_of
from llenergymeasure.domain.timeline import RunningRequests
from llenergymeasure.protocols import Window

# A figure of a page is some 600 pixels wide. The file has the same size for ten requests and for a million.
PARTS = 200
DIGITS = 3


def running_requests(window: Window) -> RunningRequests | None:
    """The mean numbers of requests in equal parts of the window; None for static batches."""
    requests = window.requests
    if window.batches or not requests:
        return None
    if window.is_of_server:
        return _in_flight(window)
    first_s = [request.first_token_s for request in requests if request.first_token_s is not None]
    queued_s = [request.queued_s for request in requests if request.queued_s is not None]
    scheduled_s = [request.scheduled_s for request in requests]
    return RunningRequests(
        part_s=window.duration_s / PARTS,
        queued=_means(queued_s, scheduled_s, window) if len(queued_s) == len(requests) else (),
        prefill=_means(scheduled_s, first_s, window) if len(first_s) == len(requests) else (),
        running=_means(scheduled_s, [request.finished_s for request in requests], window),
    )


def _in_flight(window: Window) -> RunningRequests:
    """Requests of a server, each once, also where it was in flight in several runs."""
    lives = {life for stretch in stretches_of(window) for life in lives_of(stretch)}
    begun_s, ended_s = zip(*lives)
    return RunningRequests(part_s=window.duration_s / PARTS, running=_means(begun_s, ended_s, window))


def _means(starts_s: Iterable[float], ends_s: Iterable[float], window: Window) -> tuple[float, ...]:
    """The mean number of intervals that cover each part of the window."""
    edges_s = [window.duration_s * part / PARTS for part in range(PARTS + 1)]
    begun, ended = (_elapsed(times, edges_s, window.start_s) for times in (starts_s, ends_s))
    covered_s = [since_s - over_s for since_s, over_s in zip(begun, ended)]
    part_s = window.duration_s / PARTS
    return tuple(round(max(after - before, 0.0) / part_s, DIGITS) for before, after in zip(covered_s, covered_s[1:]))


def _elapsed(times_s: Iterable[float], edges_s: Sequence[float], start_s: float) -> list[float]:
    """At each edge, the sum of the seconds since the times that lie before it."""
    ordered = sorted(time_s - start_s for time_s in times_s)
    sums = [0.0, *accumulate(ordered)]
    counts = [bisect_left(ordered, edge_s) for edge_s in edges_s]
    return [count * edge_s - sums[count] for count, edge_s in zip(counts, edges_s)]
