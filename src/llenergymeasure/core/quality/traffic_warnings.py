"""Warnings about the traffic of a server: requests that failed or were sent late, and a load that was not steady."""

from __future__ import annotations

from collections.abc import Callable

from llenergymeasure._format import milliseconds
from llenergymeasure.core.quality.machine_warnings import Warnings
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.traffic.result import MOST_FAILED, TrafficResult
from llenergymeasure.domain.traffic.text import failures_text
from llenergymeasure.domain.warnings import warning

# Decision: a tenth of a usual limit for the time to first token.
MOST_LAG_MS = 10.0
# Above this share, an event often waits until the events before it have been read.
MOST_CLIENT_CPU = 0.8
# A smaller share may be the first tokens that all prompts have in common, such as those of a chat template.
MOST_CACHED_SHARE = 0.1
# Decision: with so many requests of each stream, the first and the last of them are a small part of the window.
REQUESTS_EACH = 10


def _late(draft: ExperimentResult) -> Warnings:
    traffic = draft.traffic
    if traffic is not None and traffic.lag.p99_ms > MOST_LAG_MS:
        late, most = milliseconds((traffic.lag.p99_ms, MOST_LAG_MS))
        yield warning(
            "client_lagging",
            f"requests were sent up to {late} late (p99), above {most}: the server had less load than configured",
            "stop other programs on this machine, or lower the load",
            lag_p99_ms=traffic.lag.p99_ms,
            most_ms=MOST_LAG_MS,
        )
    if traffic is not None and traffic.client_cpu_share > MOST_CLIENT_CPU:
        yield warning(
            "client_busy",
            f"sending and receiving took {100 * traffic.client_cpu_share:.3g} % of one CPU, above {100 * MOST_CLIENT_CPU:g} %: "
            "times of tokens may be late",
            "lower the load, or give this process a CPU that the server does not use",
            client_cpu_share=traffic.client_cpu_share,
            most=MOST_CLIENT_CPU,
        )


def _look(draft: ExperimentResult) -> str:
    """How to see what the server wrote; the output of one that was started here is in errors only."""
    if draft.server is None or not draft.server.launched:
        return "look at the output of the server"
    return "start the server in a terminal (server.command in the result) and set server.url, to see what it writes"


def _failed(draft: ExperimentResult) -> Warnings:
    traffic = draft.traffic
    if traffic is not None and traffic.failed > MOST_FAILED * traffic.sent:
        yield warning(
            "requests_failed",
            f"{traffic.failed} of {traffic.sent} requests failed, above {100 * MOST_FAILED:g} %: "
            f"{failures_text(traffic.failures)}",
            f"lower the load, or {_look(draft)}; latencies are those of the answered requests only",
            failed=traffic.failed,
            sent=traffic.sent,
        )


def _counted(draft: ExperimentResult) -> Warnings:
    traffic = draft.traffic
    if traffic is not None and traffic.counted_here:
        yield warning(
            "tokens_counted_here",
            f"for {traffic.counted_here} of {traffic.answered} answers the server does not report how many tokens they have: these "
            "were counted here from their text",
            "compare them with the server's own metrics once",
            counted_here=traffic.counted_here,
            answered=traffic.answered,
        )
    if traffic is not None and traffic.dropped_events:
        yield warning(
            "events_dropped",
            f"{traffic.dropped_events} events of answers could not be read and were left out",
            "check the server; if it reports the total number of tokens, their tokens are counted",
            dropped_events=traffic.dropped_events,
        )


def _uncounted(draft: ExperimentResult) -> Warnings:
    traffic = draft.traffic
    if traffic is None or not traffic.uncounted_events:
        return
    missing, requests = traffic.uncounted_tokens, traffic.uncounted_requests
    share = missing / (draft.output_tokens + missing)
    yield warning(
        "tokens_not_counted",
        f"failed requests ({requests}) had {traffic.uncounted_events} events with text in the window whose tokens nothing counted: "
        f"about {missing} tokens, {100 * share:.3g} % of all; with them, energy per token would be lower by this share",
        "name the tokenizer of the model in server.tokenizer: it counts them",
        uncounted_requests=requests,
        uncounted_events=traffic.uncounted_events,
        uncounted_tokens=missing,
        share=share,
    )


def _below_events(draft: ExperimentResult) -> Warnings:
    traffic = draft.traffic
    if traffic is None or not traffic.fewer_tokens_than_events:
        return
    fewer, answered = traffic.fewer_tokens_than_events, traffic.answered - traffic.counted_here
    yield warning(
        "fewer_tokens_than_events",
        f"for {fewer} of {answered} answers the server reports fewer output tokens than it sent events with text: its numbers may "
        "be too low, and energy per token too high",
        "compare them with the server's own metrics; they are right if a proxy cuts texts up",
        fewer=fewer,
        answered=answered,
    )


def _as_counted(traffic: TrafficResult) -> str:
    """Who counted the output tokens."""
    here = "as counted here from their text"
    if traffic.counted_by == "tokenizer":
        return here
    return f"as the server counts them, or {here}" if traffic.counted_here else "as the server counts them"


def _beyond_limit(draft: ExperimentResult) -> Warnings:
    limit, lengths = draft.config.output_limit, draft.tokens.output_tokens_per_prompt
    longer = [length for length in lengths if length > limit]
    if draft.traffic is None or not longer:
        return
    yield warning(
        "outputs_beyond_limit",
        f"{len(longer)} of {len(lengths)} answers have more than the {limit} output tokens that were allowed, up to {max(longer)}, "
        f"{_as_counted(draft.traffic)}",
        "compare the numbers with the server's own metrics, and check that it keeps max_tokens; llama.cpp adds a few tokens to "
        "complete a character",
        longer=len(longer),
        answered=len(lengths),
        longest=max(longer),
        output_limit=limit,
    )


def _steady(draft: ExperimentResult) -> Warnings:
    traffic = draft.traffic
    if traffic is None or (share := traffic.growth) is None:
        return
    yield warning(
        "traffic_not_steady",
        f"requests in flight grew from {traffic.in_flight_start} to {traffic.in_flight_end} in the window, by {100 * share:.3g} % "
        "of those that were sent: they arrive faster than the server answers, so latencies grow with the length of the window, and "
        "requests per second and energy per request are not computed",
        "lower traffic.rate, or raise traffic.ramp_up_requests if the server answers as fast as they arrive",
        in_flight_start=traffic.in_flight_start,
        in_flight_end=traffic.in_flight_end,
        rate=traffic.rate,
    )


def _cached(draft: ExperimentResult) -> Warnings:
    traffic, inputs = draft.traffic, draft.tokens.input_tokens
    if traffic is None or not inputs or (traffic.cached_tokens or 0) <= MOST_CACHED_SHARE * inputs:
        return
    share = (traffic.cached_tokens or 0) / inputs
    yield warning(
        "prompts_cached",
        f"the server took {100 * share:.3g} % of the input tokens from its prefix cache, where earlier requests had left them",
        "switch its prefix cache off, or raise n so that prompts are not repeated, unless the cache is what you measure",
        cached_tokens=traffic.cached_tokens,
        input_tokens=inputs,
    )


def _fewer_than_in_flight(draft: ExperimentResult) -> Warnings:
    traffic = draft.traffic
    if traffic is None or traffic.concurrency is None or traffic.sent >= traffic.concurrency:
        return
    effect = (
        f"the server never had more than {traffic.sent} of them at the same time"
        if traffic.window == "total"
        else "most tokens of the window are those of requests that were sent before it"
    )
    yield warning(
        "fewer_requests_than_in_flight",
        f"{traffic.sent} requests were measured, fewer than the {traffic.concurrency} in flight: {effect}",
        f"raise n to at least {REQUESTS_EACH * traffic.concurrency}, or lower traffic.concurrency",
        sent=traffic.sent,
        concurrency=traffic.concurrency,
    )


TRAFFIC_CHECKS: tuple[Callable[[ExperimentResult], Warnings], ...] = (
    _failed,
    _late,
    _counted,
    _uncounted,
    _below_events,
    _beyond_limit,
    _steady,
    _cached,
    _fewer_than_in_flight,
)
