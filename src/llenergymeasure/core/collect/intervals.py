"""The intervals of a window in which its requests were in prefill, and those in which they were only in decode.

```
 request A   ppppddddddddddddd
 request B       ppppdddddddddddd
 prefill     pppppppp
 decode              dddddddddddd
```

An engine that schedules requests by itself decodes some while it reads the prompts of others: such a moment is prefill.
In a static batch the requests are in the same phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from llenergymeasure.records import RequestRecord

Interval = tuple[float, float]


def prefills_of(requests: Sequence[RequestRecord]) -> list[Interval] | None:
    """Start and end in s of each prefill, in order, not overlapping; None when a first token has no time."""
    found = [(request.scheduled_s, request.first_token_s) for request in requests if request.first_token_s is not None]
    return union(found) if len(found) == len(requests) else None


def decodes_of(requests: Sequence[RequestRecord], prefills: Sequence[Interval]) -> list[Interval]:
    """Start and end in s of each decode outside of every prefill, in order, not overlapping."""
    decodes = (
        (request.first_token_s, request.token_times_s[-1] if request.token_times_s else request.finished_s)
        for request in requests
        if request.first_token_s is not None
    )
    return list(outside(union(decodes), prefills))


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Intervals that cover the same time without overlapping, in order. Intervals that only touch stay apart."""
    merged: list[Interval] = []
    for start_s, end_s in sorted(intervals):
        if merged and start_s < merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end_s)
        else:
            merged.append((start_s, end_s))
    return merged


def outside(intervals: Sequence[Interval], holes: Sequence[Interval]) -> Iterator[Interval]:
    """The parts of ordered intervals that lie outside of ordered holes."""
    first = 0
    for start_s, end_s in intervals:
        while first < len(holes) and holes[first][1] <= start_s:
            first += 1
        left_s = start_s
        for hole_start_s, hole_end_s in _until(holes, first, end_s):
            if hole_start_s > left_s:
                yield left_s, hole_start_s
            left_s = max(left_s, hole_end_s)
        if left_s < end_s:
            yield left_s, end_s


def _until(holes: Sequence[Interval], first: int, end_s: float) -> Iterator[Interval]:
    """The holes from `first` on that begin before `end_s`."""
    while first < len(holes) and holes[first][0] < end_s:
        yield holes[first]
        first += 1
