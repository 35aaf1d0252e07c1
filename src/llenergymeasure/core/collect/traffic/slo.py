"""Whether the requests of the window kept the limits of the section `slo`.

A request is good when its own time to first token, the 99th percentile of its own inter-token latencies, and the time until
its last token keep the limits. Goodput counts good requests (DistServe, https://arxiv.org/abs/2401.09670).

A request that failed keeps no limit: it is not good, and it is later than every answered one.
"""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.config.traffic import SLOConfig
from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.core.collect.latency import inter_token_latencies_ms, latency_ms, time_to_first_token_ms
from llenergymeasure.domain.measurements import LatencyResult
from llenergymeasure.domain.traffic.result import MOST_FAILED, SLOResult, keeps_limit
from llenergymeasure.records import RequestRecord
from llenergymeasure.stats.unanswered import percentile_of_all

_LIMITED_SHARE = 0.99


def slo_of(limits: SLOConfig, answered: Sequence[RequestRecord], failed: int, latency: LatencyResult) -> SLOResult:
    """How the requests of the window kept the limits.

    Args:
        limits: at least one limit.
        answered: the answered requests that were sent in the window, at least one.
        failed: the number of requests that were sent in the window and failed.
        latency: the latencies of the answered requests.
    """
    sent, judged_ms = len(answered) + failed, _judged_ms(limits, latency, len(answered) + failed)
    good = sum(is_good(request, limits) for request in answered)
    return SLOResult(
        ttft_p99_ms=limits.ttft_p99_ms,
        itl_p99_ms=limits.itl_p99_ms,
        e2e_p99_ms=limits.e2e_p99_ms,
        good=good,
        good_share=good / sent,
        kept=failed <= MOST_FAILED * sent
        and all(keeps_limit(name, p99_ms, getattr(limits, name)) for name, p99_ms in judged_ms.items()),
        judged_ms=judged_ms,
    )


def is_good(request: RequestRecord, limits: SLOConfig) -> bool:
    """Whether an answered request keeps every limit. A time to first token that is not known keeps none."""
    own_ms = {
        "ttft_p99_ms": time_to_first_token_ms(request),
        "itl_p99_ms": _own_itl_ms(request),
        "e2e_p99_ms": latency_ms(request),
    }
    return all(keeps_limit(name, own_ms[name], limit_ms) for name, limit_ms in limits if limit_ms is not None)


def _own_itl_ms(request: RequestRecord) -> float | None:
    """The p99 of its inter-token latencies in ms; None without an interval between tokens."""
    gaps = inter_token_latencies_ms([request])
    return distribution([[gap for gap, _ in gaps]], [[tokens for _, tokens in gaps]]).p99_ms if gaps else None


def _judged_ms(limits: SLOConfig, latency: LatencyResult, sent: int) -> dict[str, float | None]:
    """The p99 of each limit. Intervals between tokens are those of the answered requests: the failed ones have none."""
    every = {
        "ttft_p99_ms": _p99_ms(latency.ttft_ms, sent),
        "itl_p99_ms": None if latency.itl is None else latency.itl.p99_ms,
        "e2e_p99_ms": _p99_ms(latency.request_ms, sent),
    }
    return {name: p99_ms for name, p99_ms in every.items() if getattr(limits, name) is not None}


def _p99_ms(samples_ms: Sequence[float], sent: int) -> float | None:
    """The p99 of all requests that were sent; one without a sample is later than all others."""
    return percentile_of_all(samples_ms, sent - len(samples_ms), _LIMITED_SHARE) if samples_ms else None
