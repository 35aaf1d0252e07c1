"""Formats the traffic of a server as plain text: its load, its failures, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llenergymeasure._format import NOT_MEASURED, milliseconds, number
from llenergymeasure.config.traffic import SLOConfig
from llenergymeasure.domain.measurements import Distribution
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.traffic.result import (
    GROWING,
    LIMITED,
    MOST_FAILED,
    FailureCount,
    ServerResult,
    SLOResult,
    TrafficResult,
    keeps_limit,
)

Rows = Iterator[tuple[str, str]]
# A smaller difference between the rate of the window and the configured one is not shown.
OTHER_RATE = 0.03
_LIMIT_NAMES = {"ttft": "TTFT", "itl": "ITL", "request": "request"}


def load_text(traffic: TrafficResult) -> str:
    """The load in a few words, such as `at 4 requests/s (poisson)`."""
    if traffic.mode == "concurrency":
        return f"with {traffic.concurrency} in flight"
    text = f"at {number(traffic.rate, 'requests/s')} ({traffic.mode})"
    if traffic.rate is None or abs(traffic.achieved_rate / traffic.rate - 1) <= OTHER_RATE:
        return text
    return f"{text}, sent at {number(traffic.achieved_rate, 'requests/s')} in the window"


def server_text(server: ServerResult) -> str:
    """The server with its version and address; a server that was started here has no address of interest."""
    named = " ".join(part for part in (server.engine or "not recognised", server.version) if part)
    return f"{named}, started for this measurement" if server.launched else f"{named} at {server.url}"


def processes_text(server: ServerResult) -> str | None:
    """CPU time in the window and memory of the server's processes; None where they are not known."""
    if server.cpu_seconds is None or server.memory_mb is None:
        return None
    return f"{number(server.cpu_seconds, 's')} of CPU time, {number(server.memory_mb, 'MB')} of memory"


def limits_text(slo: SLOResult | SLOConfig) -> str:
    """The limits, such as `TTFT p99 500 ms, ITL p99 50 ms`."""
    limits = ((_LIMIT_NAMES[latency], getattr(slo, name)) for name, latency in LIMITED.items())
    return ", ".join(f"{name} p99 {number(limit_ms, 'ms')}" for name, limit_ms in limits if limit_ms is not None)


def judgement_text(traffic: TrafficResult) -> str:
    """Whether the limits were kept; if not, which were not, each with its measured p99. Empty without limits."""
    slo = traffic.slo
    if slo is None:
        return ""
    parts = [
        _judged(slo, name, value_ms)
        for name, value_ms in slo.judged_ms.items()
        if slo.kept or not keeps_limit(name, value_ms, getattr(slo, name))
    ]
    if not slo.kept and traffic.failed > MOST_FAILED * traffic.sent:
        parts.append(f"{traffic.failed} of {traffic.sent} requests failed")
    kept = "limits kept" if slo.kept else "limits not kept"
    return f"{kept}: {', '.join(parts)}" if parts else kept


def _judged(slo: SLOResult, name: str, value_ms: float | None) -> str:
    title, limit = f"{_LIMIT_NAMES[LIMITED[name]]} p99", number(getattr(slo, name), "ms")
    if value_ms is None and slo.kept:
        return f"{title} without an interval between tokens, with a limit of {limit}"
    if value_ms is None:
        return f"{title} is not known or that of a failed request, with a limit of {limit}"
    return f"{title} {number(value_ms, 'ms', 4)} {'of' if slo.kept else 'is above'} {limit}"


def failures_text(failures: Sequence[FailureCount]) -> str:
    """Failed requests by kind, such as `3 x refused (connection refused)`."""
    return ", ".join(f"{one.count} x {one.kind} ({one.example})" for one in failures)


def traffic_rows(traffic: TrafficResult, result: object) -> Rows:
    """The rows of the summary about the traffic of a result."""
    requests = METRICS["requests_per_second"]
    yield requests.title, requests.text(result) if traffic.growth is None else f"{NOT_MEASURED} ({GROWING})"
    if traffic.slo is not None:
        yield METRICS["goodput"].title, f"{METRICS['goodput'].text(result)}, {_good(traffic, traffic.slo)}"
    if traffic.failed:
        kinds = ", ".join(f"{one.count} x {one.kind}" for one in traffic.failures)
        yield "failed requests", f"{traffic.failed} of {traffic.sent} ({kinds})"


def client_rows(traffic: TrafficResult) -> Rows:
    """The rows of the summary after the latencies: of the second token, and of the client."""
    if traffic.second_token is not None:
        yield "time to second token", percentiles_text(traffic.second_token)
    yield "sent late by", percentiles_text(traffic.lag)


def _good(traffic: TrafficResult, slo: SLOResult) -> str:
    return f"{slo.good} of {traffic.sent} requests within {limits_text(slo)}; {judgement_text(traffic)}"


def percentiles_text(values: Distribution) -> str:
    """Median and 95th percentile with the number of samples."""
    median, p95 = milliseconds((values.p50_ms, values.p95_ms))
    return f"{median} median, {p95} p95 ({values.count} samples)"
