"""Texts of a report about a server and its traffic, without markup; empty for other backends."""

from __future__ import annotations

from collections.abc import Iterator

from llenergymeasure._format import NOT_MEASURED, number
from llenergymeasure.domain.measurements import Distribution
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.traffic.result import ServerResult, TrafficResult
from llenergymeasure.domain.traffic.text import judgement_text, limits_text, load_text, percentiles_text, server_text
from llenergymeasure.results.report.headline import Headline

Rows = Iterator[tuple[str, str]]


def headlines(result: ExperimentResult) -> Iterator[Headline]:
    """Requests per second, and with limits the good ones and their energy."""
    traffic = result.traffic
    if traffic is None:
        return
    note = f"{traffic.answered} of {traffic.sent} requests answered"
    yield _headline("requests_per_second", result, result.reasons.get("requests_per_second", note))
    if traffic.slo is not None:
        limits = f"{traffic.slo.good} of {traffic.sent} requests within {limits_text(traffic.slo)}"
        yield _headline("goodput", result, limits)
        source = "an estimate" if result.energy_method == "estimated" else "energy of the window"
        yield _headline("energy_per_good_request", result, result.reasons.get("energy_per_good_request", source))


def _headline(name: str, result: ExperimentResult, note: str) -> Headline:
    return Headline(METRICS[name].title, METRICS[name].text(result), "", note)


def rows(result: ExperimentResult) -> Rows:
    """The table of the section."""
    if result.server is not None:
        yield from _server(result.server)
    if result.traffic is not None:
        yield from _traffic(result.traffic)


def _server(server: ServerResult) -> Rows:
    yield "server", server_text(server)
    if server.served_model is not None:
        yield "model in its requests", server.served_model
    if server.command:
        yield "command", " ".join(server.command)
        yield "time until it answered", number(server.start_seconds, "s")
    missing = f"{NOT_MEASURED} ({server.reason})" if server.reason else NOT_MEASURED
    for name, value, unit in (("CPU time", server.cpu_seconds, "s"), ("memory", server.memory_mb, "MB")):
        yield f"{name} of its processes", missing if value is None else number(value, unit)


def _traffic(traffic: TrafficResult) -> Rows:
    yield "load", load_text(traffic)
    yield "requests sent in the window", f"{traffic.sent} ({number(traffic.achieved_rate, 'requests/s')})"
    yield "answered", str(traffic.answered)
    yield "failed", str(traffic.failed)
    for each in traffic.failures:
        yield f"of them {each.kind}", f"{each.count}, the first: {each.example}"
    yield "in flight at start and end of the window", f"{traffic.in_flight_start} and {traffic.in_flight_end}"
    if traffic.slo is not None:
        yield "limits", f"{limits_text(traffic.slo)}; {judgement_text(traffic)}"
        yield "good requests", f"{traffic.slo.good} ({number(100 * traffic.slo.good_share, '%')})"
    yield "time to second token", _percentiles(traffic.second_token)
    yield "inter-token latency without the first and last of a request", _percentiles(traffic.itl_inner)
    yield "sent late by", _percentiles(traffic.lag)
    yield "CPU share of the client's thread", number(100 * traffic.client_cpu_share, "%")
    yield "numbers of output tokens", _counted_by(traffic)
    if traffic.uncounted_events:
        missing = f"about {traffic.uncounted_tokens}, of {traffic.uncounted_requests} failed requests"
        yield "output tokens that were not counted", missing
    yield (
        "input tokens from the prefix cache",
        "not reported" if traffic.cached_tokens is None else str(traffic.cached_tokens),
    )
    yield "events that could not be read", str(traffic.dropped_events)
    if traffic.ramp_up_seconds is not None:
        around = f"{number(traffic.ramp_up_seconds, 's')} before, {number(traffic.drain_seconds, 's')} after"
        yield "traffic around the window", around


def _counted_by(traffic: TrafficResult) -> str:
    if traffic.counted_by == "tokenizer":
        return "counted here from the text"
    here = f", and counted here for {traffic.counted_here} of {traffic.answered} answers"
    return f"reported by the server{here if traffic.counted_here else ''}"


def _percentiles(values: Distribution | None) -> str:
    return NOT_MEASURED if values is None else percentiles_text(values)
