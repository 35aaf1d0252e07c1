"""The blocks of a result about a server and the traffic that it was under.

Every optional field says when it is None. Latencies are in milliseconds and are those of the requests that were sent in the
window, until their last token, also where it came after the end of the window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.measurements import Distribution

# A steady server answers about as many requests in a window as arrive in it, with a Poisson distribution (the theorem of Burke).
# Its standard deviation is the root of their number. In one window of 100, fewer are answered than this many deviations below.
DEVIATIONS = 2.33
# Decision: less growth, as a share of the sent requests, changes the latency of few requests.
LEAST_GROWTH = 0.1
GROWING = "requests arrive faster than the server answers: requests that were sent in the window were answered after it"
# The limits that an SLO can set, with the latency of the result that each limits.
LIMITED = {"ttft_p99_ms": "ttft", "itl_p99_ms": "itl", "e2e_p99_ms": "request"}

# A p99 ignores the worst hundredth of the requests, so more failed ones than that break it.
MOST_FAILED = 0.01
# Kinds of failures that an overloaded server causes. The others, such as status_4xx, occur with a single request too: they show
# that a setting is wrong, and nothing about the load.
OF_LOAD = frozenset({"refused", "reset", "timeout", "status_429", "status_5xx", "server_error", "closed_early"})


def keeps_limit(name: str, p99_ms: float | None, limit_ms: float) -> bool:
    """Whether the p99 of a latency keeps its limit.

    Args:
        name: name of the limit in the section `slo`.
        p99_ms: None for that of a failed request, which is late, or of an unknown latency; of the inter-token latency, where no
            answered request had an interval between tokens, so that none was late.
        limit_ms: the limit.
    """
    return name == "itl_p99_ms" if p99_ms is None else p99_ms <= limit_ms


class FailureCount(Frozen):
    """Requests of the window that failed in the same way."""

    kind: str = Field(description="Such as refused, reset, timeout, closed_early or status_429.")
    count: int = Field(ge=1)
    example: str = Field(description="The message of the first of them.")


class SLOResult(Frozen):
    """How the requests of the window kept the limits of the configuration's section `slo`."""

    ttft_p99_ms: float | None = Field(None, description="Limit of the time to first token; None without one.")
    itl_p99_ms: float | None = Field(None, description="Limit of the inter-token latency; None without one.")
    e2e_p99_ms: float | None = Field(
        None, description="Limit of the time until a request's last token; None without one."
    )
    good: int = Field(
        ge=0,
        description="Answered requests whose time to first token, p99 of their own inter-token latencies, and time until the last "
        "token keep the limits.",
    )
    good_share: float = Field(description="Share (0 to 1) of the requests sent in the window that are good.")
    kept: bool = Field(
        description="Whether the p99 of each limited latency keeps its limit, and at most 1 % of the requests failed. In the p99 "
        "of the time to first token and of the time until the last token, a failed request is later than every answered one."
    )
    judged_ms: Mapping[str, float | None] = Field(
        {},
        description="The p99 that was compared with each limit, by its name; None where it is that of a failed request, or "
        "not known. None of the inter-token latency: no request had an interval between tokens, which keeps the limit. Empty in "
        "results before 2.2.",
    )


class TrafficResult(Frozen):
    """The requests that were sent to a server in the window, and how well the client sent them."""

    mode: Literal["concurrency", "constant", "poisson"] = Field(
        description="concurrency = each answer is followed by the next request; constant and poisson = requests arrive at a rate."
    )
    concurrency: int | None = Field(None, description="Requests in flight; None when requests arrive at a rate.")
    rate: float | None = Field(None, description="Requests per second as configured; None with a concurrency.")
    window: Literal["steady_state", "total"] = Field(
        description="steady_state = the window lies inside the traffic; total = it holds the traffic from first to last."
    )
    sent: int = Field(ge=1, description="Requests sent in the window.")
    answered: int = Field(description="Those of them that were answered completely.")
    failed: int = Field(0, description="Those of them that were not.")
    failures: tuple[FailureCount, ...] = Field((), description="The failed requests by kind, most frequent first.")
    achieved_rate: float = Field(description="Requests sent per second of the window.")
    in_flight_start: int = Field(description="Requests in flight when the window opened.")
    in_flight_end: int = Field(
        description="Requests in flight when it closed; many more than at its start when requests arrive faster than the server "
        "answers."
    )
    lag: Distribution = Field(
        description="How late requests were sent: from the time at which a request was due to its sending."
    )
    second_token: Distribution | None = Field(
        None,
        description="Time from sending to the second token; None when no request had one, or its time is not known.",
    )
    itl_inner: Distribution | None = Field(
        None,
        description="Inter-token latency without the first and the last interval of each request; None without such intervals.",
    )
    counted_by: Literal["server", "tokenizer"] = Field(
        description="server = output tokens are those that it reports, but for `counted_here` answers; tokenizer = all were "
        "counted here from the text."
    )
    counted_here: int = Field(
        0, description="Answered requests without a number of output tokens of the server, which were counted here."
    )
    uncounted_requests: int = Field(
        0,
        description="Failed requests with text in the window whose tokens nothing counted: the server counts those of complete "
        "answers only, and no tokenizer of its model was on this machine.",
    )
    uncounted_events: int = Field(0, description="Events with text that these requests had in the window.")
    uncounted_tokens: int = Field(
        0,
        description="About how many tokens these events brought: as many with each as in the answered requests. They are not part "
        "of `output_tokens`.",
    )
    fewer_tokens_than_events: int = Field(
        0,
        description="Answered requests with fewer output tokens of the server than events that brought text: their numbers of "
        "tokens may be too low.",
    )
    cached_tokens: int | None = Field(
        None,
        description="Those of `input_tokens` that the server took from its prefix cache; None when it does not report them.",
    )
    dropped_events: int = Field(0, description="Events of answers that could not be read.")
    client_cpu_share: float = Field(
        description="CPU time of the thread that sends and receives, as a share of the window; near 1 it is the bottleneck."
    )
    ramp_up_seconds: float | None = Field(
        None, description="Traffic before the window; None when the window holds all of it."
    )
    drain_seconds: float | None = Field(
        None, description="Traffic after the window, until its last request had ended; None when the window holds all."
    )
    slo: SLOResult | None = Field(None, description="None when the configuration sets no limits.")

    @property
    def growth(self) -> float | None:
        """How far the number in flight grew in an open loop beyond chance, as a share of the sent requests; None otherwise."""
        grown = self.in_flight_end - self.in_flight_start
        least = max(DEVIATIONS * math.sqrt(self.sent), LEAST_GROWTH * self.sent)
        return grown / self.sent if self.mode != "concurrency" and grown > least else None


class ServerResult(Frozen):
    """The server that answered."""

    url: str = Field(description="Its address, without credentials.")
    engine: str | None = Field(None, description="Such as vllm, sglang or llama.cpp; None when not recognised.")
    version: str | None = Field(None, description="Its version; None when it does not report one, see version_reason.")
    version_reason: str | None = Field(None, description="Why version is None; None when it is known.")
    served_model: str | None = Field(
        None, description="Name of the model in its requests; None in a file of an earlier release."
    )
    launched: bool = Field(description="Whether it was started for this measurement.")
    child: bool = Field(
        False, description="Whether it runs in the process that measured, or in processes that this one has started."
    )
    command: tuple[str, ...] = Field((), description="The command that started it; empty when it was running already.")
    start_seconds: float | None = Field(
        None, description="From its start until it answered; None when it was running already."
    )
    cpu_seconds: float | None = Field(
        None, description="CPU time of its processes in the window; None when not known, see reason."
    )
    memory_mb: float | None = Field(
        None,
        description="Resident memory of its processes at the end of the window in MB; None when not known, see reason.",
    )
    gpus: tuple[str, ...] = Field((), description="UUIDs of the GPUs that its processes use; empty when not known.")
    reason: str | None = Field(None, description="Why cpu_seconds and memory_mb are None, such as a server elsewhere.")
