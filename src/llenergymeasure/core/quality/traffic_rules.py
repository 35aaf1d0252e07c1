"""The publication rules about a server under traffic. They are informational, as the others."""

from __future__ import annotations

from llenergymeasure._format import milliseconds
from llenergymeasure.core.quality.rule import Held, Rule, held, not_observed
from llenergymeasure.core.quality.traffic_warnings import MOST_CLIENT_CPU, MOST_LAG_MS, REQUESTS_EACH
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.traffic.result import TrafficResult

# The p99 of fewer requests is one of the slowest of them.
MIN_REQUESTS = 100


def _traffic_of(draft: ExperimentResult) -> TrafficResult:
    if draft.traffic is None:
        raise TypeError("the result has no traffic")
    return draft.traffic


def _enough_requests(draft: ExperimentResult) -> Held:
    """With requests in flight, several one after the other for each of them."""
    traffic = _traffic_of(draft)
    least = max(MIN_REQUESTS, REQUESTS_EACH * (traffic.concurrency or 0))
    return held(traffic.answered >= least, f"{traffic.answered} of {least}", traffic.answered)


def _all_answered(draft: ExperimentResult) -> Held:
    traffic = _traffic_of(draft)
    return held(traffic.failed == 0, f"{traffic.failed} of {traffic.sent} failed", traffic.failed)


def _client_in_time(draft: ExperimentResult) -> Held:
    traffic = _traffic_of(draft)
    late, most = milliseconds((traffic.lag.p99_ms, MOST_LAG_MS))
    found = f"p99 {late} late, at most {most}; {100 * traffic.client_cpu_share:.3g} % of a CPU"
    return held(
        traffic.lag.p99_ms <= MOST_LAG_MS and traffic.client_cpu_share <= MOST_CLIENT_CPU, found, traffic.lag.p99_ms
    )


def _steady(draft: ExperimentResult) -> Held:
    traffic = _traffic_of(draft)
    found = f"{traffic.in_flight_start} requests in flight at the start, {traffic.in_flight_end} at the end"
    if traffic.growth is None and traffic.sent < MIN_REQUESTS:
        return not_observed(f"{found}: {traffic.sent} requests are too few to show growth, at least {MIN_REQUESTS}")
    return held(traffic.growth is None, found)


def _closed_loop(draft: ExperimentResult) -> str:
    return "the number in flight is set" if _traffic_of(draft).mode == "concurrency" else ""


def _version_known(draft: ExperimentResult) -> Held:
    server = draft.server
    if server is None or server.version is None:
        return not_observed("not reported" if server is None else server.version_reason or "not reported")
    return held(True, server.version)


TRAFFIC_RULES = (
    Rule("enough_requests", _enough_requests),
    Rule("all_requests_answered", _all_answered),
    Rule("client_in_time", _client_in_time),
    Rule("traffic_steady", _steady, _closed_loop),
    Rule("server_version_known", _version_known),
)
