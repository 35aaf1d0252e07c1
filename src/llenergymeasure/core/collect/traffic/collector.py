"""Fills the block `traffic` of a result: the requests of the window, and how well the client sent them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.core.collect.latency import FromRecords, LatencyCollector, inter_token_latencies_ms
from llenergymeasure.core.collect.stretches import Stretch, cached_tokens_of, in_flight, stretches_of
from llenergymeasure.core.collect.traffic.failures import failures_by_kind
from llenergymeasure.core.collect.traffic.slo import slo_of
from llenergymeasure.core.collect.traffic.uncounted import uncounted_in, with_fewer_tokens_than_events
from llenergymeasure.domain.measurements import Distribution
from llenergymeasure.domain.traffic.result import SLOResult, TrafficResult
from llenergymeasure.protocols import Window
from llenergymeasure.records import RequestRecord, TrafficRecord


class TrafficCollector(FromRecords):
    """The traffic of a server; None for another engine."""

    block = "traffic"

    def collect(self, window: Window) -> TrafficResult | None:
        stretches = stretches_of(window)
        return _result(window, stretches) if stretches else None


def _result(window: Window, stretches: Sequence[Stretch]) -> TrafficResult:
    runs, settings = [one.traffic for one in stretches], window.config.traffic_settings
    failures = [failure for one in runs for failure in one.failures]
    sent, uncounted = sum(len(one.sent_s) for one in runs), uncounted_in(stretches, window.requests)
    counted_here = sum(request.counted_here for request in window.requests)
    return TrafficResult(
        mode=settings.effective_mode,
        concurrency=settings.effective_concurrency,
        rate=settings.rate,
        window=settings.effective_window,
        sent=sent,
        answered=len(window.requests),
        failed=len(failures),
        failures=failures_by_kind(failures),
        achieved_rate=sent / window.duration_s,
        in_flight_start=in_flight(stretches[0], window.start_s),
        in_flight_end=in_flight(stretches[-1], window.end_s),
        lag=distribution([[1000 * lag_s for one in runs for lag_s in _lags_s(one)]]),
        second_token=_second_token(window.requests),
        itl_inner=_inner(window.requests),
        counted_by="tokenizer" if counted_here == len(window.requests) else "server",
        counted_here=counted_here,
        uncounted_requests=uncounted.requests,
        uncounted_events=uncounted.events,
        uncounted_tokens=uncounted.tokens,
        fewer_tokens_than_events=with_fewer_tokens_than_events(window.requests),
        cached_tokens=cached_tokens_of(window),
        dropped_events=sum(one.dropped_events for one in runs),
        client_cpu_share=math.fsum(one.client_cpu_s for one in runs) / window.duration_s,
        ramp_up_seconds=window.ramp_up_s,
        drain_seconds=window.drain_s,
        slo=_slo(window, len(failures)),
    )


def _slo(window: Window, failed: int) -> SLOResult | None:
    limits = window.config.slo
    return None if limits is None else slo_of(limits, window.requests, failed, LatencyCollector().collect(window))


def _lags_s(run: TrafficRecord) -> Iterator[float]:
    return (max(sent_s - due_s, 0.0) for due_s, sent_s in zip(run.due_s, run.sent_s))


def _second_token(requests: Sequence[RequestRecord]) -> Distribution | None:
    """Time from sending to the second token, of the requests that had one."""
    found = [
        1000 * (time_s - request.scheduled_s)
        for request in requests
        for time_s in [
            next((at_s for at_s, count in zip(request.token_times_s, request.token_counts) if count > 1), None)
        ]
        if time_s is not None and request.output_tokens > 1
    ]
    return distribution([found]) if found else None


def _inner(requests: Sequence[RequestRecord]) -> Distribution | None:
    """Inter-token latency without the first and the last interval of each request."""
    gaps = inter_token_latencies_ms(
        replace(request, token_times_s=request.token_times_s[1:-1], token_counts=request.token_counts[1:-1])
        for request in requests
    )
    return distribution([[gap for gap, _ in gaps]], [[tokens for _, tokens in gaps]]) if gaps else None
