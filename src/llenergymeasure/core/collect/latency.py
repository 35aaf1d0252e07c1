"""Collectors of token counts, latencies, phase times and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeVar

from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.core.collect.intervals import Interval, decodes_of, prefills_of
from llenergymeasure.core.collect.stretches import tokens_of
from llenergymeasure.domain.measurements import (
    LatencyResult,
    MemoryResult,
    PhaseTimes,
    TokenCounts,
)
from llenergymeasure.protocols import InferenceEngine, Window
from llenergymeasure.records import RequestRecord

T = TypeVar("T")


class FromRecords:
    """A collector that needs only the engine's records."""

    def arm(self, engine: InferenceEngine) -> None:
        """Do nothing: the records hold everything."""

    def stop(self, engine: InferenceEngine) -> None:
        """Do nothing: the records hold everything."""


class TokenCollector(FromRecords):
    """Counts tokens by real lengths, without padding."""

    block = "tokens"

    def collect(self, window: Window) -> TokenCounts:
        lengths = in_order(window, lambda request: request.output_tokens)
        limit, (input_tokens, output_tokens) = window.config.output_limit, tokens_of(window)
        return TokenCounts(
            n_prompts=len(lengths),
            n_passes=len(window.passes),
            input_tokens=input_tokens,
            input_tokens_padded=_executed_inputs(window),
            output_tokens=output_tokens,
            output_tokens_requested=limit * len(lengths),
            ended_early_share=sum(length < limit for length in lengths) / len(lengths),
            truncated_prompts=window.truncated_prompts * len(window.passes),
            longest_sequence=max(request.input_tokens + request.output_tokens for request in window.requests),
            double_bos_prompts=window.double_bos_prompts * len(window.passes),
            output_tokens_per_prompt=tuple(lengths),
        )


def _executed_inputs(window: Window) -> int | None:
    """Input tokens with padding; None where a request was in no batch."""
    if any(request.batch is None for request in window.requests):
        return None
    return sum(batch.padded_length * len(batch.prompt_indices) for batch in window.batches)


class LatencyCollector(FromRecords):
    """Latency of each request, time to first token, inter-token latency, and time in the queue."""

    block = "latency"

    def collect(self, window: Window) -> LatencyResult:
        request_ms = in_order(window, latency_ms)
        ttft_ms = _known(in_order(window, time_to_first_token_ms))
        # A server does not report its queue: what is queued here waits for its sending, which is `traffic.lag`.
        queue_ms = [] if window.is_of_server else _known(in_order(window, _time_in_queue_ms))
        gaps = inter_token_latencies_ms(window.requests)
        itl_ms, weights = tuple(gap for gap, _ in gaps), tuple(weight for _, weight in gaps)
        return LatencyResult(
            request=distribution([request_ms]),
            ttft=distribution([ttft_ms]) if ttft_ms else None,
            itl=distribution([itl_ms], [weights]) if itl_ms else None,
            queue=distribution([queue_ms]) if queue_ms else None,
            request_ms=tuple(request_ms),
            ttft_ms=tuple(ttft_ms),
            queue_ms=tuple(queue_ms),
            itl_ms=itl_ms,
            itl_weights=weights,
        )


class PhaseCollector(FromRecords):
    """Seconds of prefill and of decode."""

    block = "phases"

    def collect(self, window: Window) -> PhaseTimes | None:
        # The time to a first token, seen from outside a server, holds its queue and the network, too.
        prefills = None if window.is_of_server else prefills_of(window.requests)
        if prefills is None:
            return None
        prefill_s, decode_s = _seconds(prefills), _seconds(decodes_of(window.requests, prefills))
        return PhaseTimes(
            prefill_sec=prefill_s, decode_sec=decode_s, other_sec=window.duration_s - prefill_s - decode_s
        )


def _seconds(intervals: Sequence[Interval]) -> float:
    return sum(end_s - start_s for start_s, end_s in intervals)


# The scope of the peak memory (devices or process), by its source.
_SCOPES: Mapping[str, Literal["devices", "process"]] = {"cuda_allocated": "devices", "process_rss": "process"}


class MemoryCollector:
    """Peak memory of the window."""

    block = "memory"

    def __init__(self) -> None:
        self._peak: tuple[float | None, str] = None, "unknown: no window was measured"

    def arm(self, engine: InferenceEngine) -> None:
        """Start a new peak."""
        engine.reset_peak_memory()

    def stop(self, engine: InferenceEngine) -> None:
        """Read the peak before anything other than the work adds to it."""
        self._peak = engine.peak_memory_mb()

    def collect(self, window: Window) -> MemoryResult:
        peak_mb, source = self._peak
        return MemoryResult(peak_memory_mb=peak_mb, source=source, scope=_SCOPES.get(source))


def in_order(window: Window, value: Callable[[RequestRecord], T]) -> list[T]:
    """A value of each request in the order of the prompts, to a server in the order of sending; pass after pass."""
    place: Callable[[RequestRecord], float] = (
        (lambda request: request.scheduled_s) if window.is_of_server else (lambda request: request.prompt_index)
    )
    by_pass = (sorted(one.requests, key=place) for one in window.passes)
    return [value(request) for requests in by_pass for request in requests]


def latency_ms(request: RequestRecord) -> float:
    """Time in ms until the request's last token was generated; under beam search until its answer was known."""
    return 1000 * (request.finished_s - request.scheduled_s)


def time_to_first_token_ms(request: RequestRecord) -> float | None:
    """Time in ms until its first token was generated; None where that is not recorded."""
    return None if request.first_token_s is None else 1000 * (request.first_token_s - request.scheduled_s)


def _time_in_queue_ms(request: RequestRecord) -> float | None:
    return None if request.queued_s is None else 1000 * (request.scheduled_s - request.queued_s)


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def inter_token_latencies_ms(requests: Iterable[RequestRecord]) -> list[tuple[float, int]]:
    """Milliseconds per token of each step, and the number of tokens with this latency.

    The time of a step that yields several tokens (speculative decoding) is divided among them. Requests that take a step
    together, from the same moment to the same moment, have one latency, which counts once per token.
    """
    weights: dict[tuple[float, float, int], int] = {}
    for request in requests:
        steps = list(zip(request.token_times_s, request.token_counts))
        for (before_s, before), (after_s, after) in zip(steps, steps[1:]):
            tokens = min(request.output_tokens, after) - before
            if tokens > 0:
                step = before_s, after_s, after - before
                weights[step] = weights.get(step, 0) + tokens
    return [(1000 * (after_s - before_s) / count, tokens) for (before_s, after_s, count), tokens in weights.items()]
