"""The tokens that a server generated in the window.

```
 window                |-------- run 1 --------|-------- run 2 --------|
 request A   s - t - t - t - t                                              sent before: its tokens in the window count
 request B                 s - - t - t - t - t - t - t                      sent in run 1: its tokens in both runs count
 request C                                            s - - - t - t - - t - t   and those after the end do not
```

The joules of the window paid for these tokens, so J/token is their ratio. Each run (`RunRecords`) holds every request that had
tokens in it; at the edge between two runs, a token belongs to the run that it ends.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llenergymeasure.protocols import Window
from llenergymeasure.records import FailedRequest, RequestRecord, RunRecords, TrafficRecord


@dataclass(frozen=True)
class Stretch:
    """The part of the window that belongs to one run of a server, after `start_s` and up to `end_s`."""

    records: RunRecords
    traffic: TrafficRecord
    start_s: float
    end_s: float

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The answered requests that were in work at some time of the run, whenever they were sent."""
        return (*self.records.requests, *self.traffic.others)

    @property
    def failures(self) -> tuple[FailedRequest, ...]:
        """The others that were in work at some time of the run, and were not answered."""
        return (*self.traffic.failures, *self.traffic.other_failures)

    def output_tokens(self) -> int:
        """Tokens that were generated in it, also those of requests that failed later."""
        answered = sum(_generated(one, self.end_s) - _generated(one, self.start_s) for one in self.requests)
        failed = sum(_received(one, self.end_s) - _received(one, self.start_s) for one in self.failures)
        return answered + failed

    def input_tokens(self) -> int:
        """Input tokens of the requests that were read in it, where they are known."""
        return sum(one.input_tokens or 0 for one in self._read())

    def cached_tokens(self) -> list[int]:
        """Those that the server took from its prefix cache, of each request that reports them."""
        return [one.cached_tokens for one in self._read() if one.cached_tokens is not None]

    def _read(self) -> Iterator[RequestRecord | FailedRequest]:
        """The requests whose first token lies in it: their prefill ended there."""
        yield from (one for one in self.requests if self.holds(_first_token_s(one)))
        yield from (one for one in self.failures if any(map(self.holds, _first_text_s(one))))

    def holds(self, moment_s: float) -> bool:
        """Whether a token that arrived at a moment belongs to the run."""
        return self.start_s < moment_s <= self.end_s


def stretches_of(window: Window) -> list[Stretch]:
    """The runs of a server, which together cover the window; empty for another engine."""
    runs = [(one, one.traffic) for one in window.passes if one.traffic is not None]
    if not runs:
        return []
    inner = [traffic.end_s for _, traffic in runs[:-1]]
    edges = [window.start_s, *inner, window.end_s]
    return [Stretch(one, traffic, *edge) for (one, traffic), edge in zip(runs, zip(edges, edges[1:]))]


def tokens_of(window: Window) -> tuple[int, int]:
    """Input and output tokens of the window; of a server, those that lie in it, whenever their requests were sent."""
    stretches = stretches_of(window)
    if stretches:
        return sum(one.input_tokens() for one in stretches), sum(one.output_tokens() for one in stretches)
    requests = window.requests
    return sum(one.input_tokens for one in requests), sum(one.output_tokens for one in requests)


def cached_tokens_of(window: Window) -> int | None:
    """The input tokens of the window that a server took from its prefix cache; None where no request reports them."""
    known = [tokens for one in stretches_of(window) for tokens in one.cached_tokens()]
    return sum(known) if known else None


def in_flight(stretch: Stretch, moment_s: float) -> int:
    """Number of requests that had been sent and had not ended at a moment."""
    return sum(sent_s <= moment_s < ended_s for sent_s, ended_s in lives_of(stretch))


def lives_of(stretch: Stretch) -> Iterator[tuple[float, float]]:
    """When each request of a run was sent and ended, answered or not."""
    yield from ((one.scheduled_s, one.finished_s) for one in stretch.requests)
    yield from ((one.sent_s, one.ended_s) for one in stretch.failures)


def _first_token_s(request: RequestRecord) -> float:
    return request.finished_s if request.first_token_s is None else request.first_token_s


def _first_text_s(request: FailedRequest) -> tuple[float, ...]:
    """When the first text of a failed request arrived; nothing for one without text."""
    return (*request.token_times_s, *request.uncounted_times_s)[:1]


def _generated(request: RequestRecord, moment_s: float) -> int:
    """Tokens of an answered request up to a moment. Tokens without a time of their own were there at its end."""
    if moment_s >= request.finished_s:
        return request.output_tokens
    return min(_until(request.token_times_s, request.token_counts, moment_s), request.output_tokens)


def _received(request: FailedRequest, moment_s: float) -> int:
    return _until(request.token_times_s, request.token_counts, moment_s)


def _until(times_s: Sequence[float], counts: Sequence[int], moment_s: float) -> int:
    before = bisect_right(times_s, moment_s)
    return counts[before - 1] if before else 0
