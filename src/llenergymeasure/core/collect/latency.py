"""Collectors of token counts, latencies, phase times and memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, TypeVar

from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.domain.measurements import (
    LatencyResult,
    MemoryResult,
    PhaseTimes,
    TokenCounts,
)
from llenergymeasure.protocols import InferenceEngine, Window
from llenergymeasure.records import BatchRecord

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
        lengths = in_dataset_order(window, _lengths)
        limit = window.config.output_limit
        sequences = (
            length + len(ids) for batch in window.batches for length, ids in zip(batch.input_lengths, batch.output_ids)
        )
        return TokenCounts(
            n_prompts=len(lengths),
            n_passes=len(window.passes),
            input_tokens=sum(sum(batch.input_lengths) for batch in window.batches),
            input_tokens_padded=sum(batch.padded_length * len(batch.input_lengths) for batch in window.batches),
            output_tokens=sum(lengths),
            output_tokens_requested=limit * len(lengths),
            ended_early_share=sum(length < limit for length in lengths) / len(lengths),
            truncated_prompts=window.truncated_prompts * len(window.passes),
            longest_sequence=max(sequences),
            double_bos_prompts=window.double_bos_prompts * len(window.passes),
            output_tokens_per_prompt=tuple(lengths),
        )


class LatencyCollector(FromRecords):
    """Latency of each request, time to first token, and inter-token latency."""

    block = "latency"

    def collect(self, window: Window) -> LatencyResult:
        beams = window.config.decoder.decoding_strategy == "beam"
        request_ms = in_dataset_order(window, lambda batch: request_latencies_ms(batch, beams))
        ttft_ms = in_dataset_order(window, _times_to_first_token_ms)
        gaps = [gap for batch in window.batches for gap in inter_token_latencies_ms(batch)]
        itl_ms, weights = tuple(gap for gap, _ in gaps), tuple(weight for _, weight in gaps)
        return LatencyResult(
            request=distribution([request_ms]),
            ttft=distribution([ttft_ms]) if ttft_ms else None,
            itl=distribution([itl_ms], [weights]) if itl_ms else None,
            request_ms=tuple(request_ms),
            ttft_ms=tuple(ttft_ms),
            itl_ms=itl_ms,
            itl_weights=weights,
        )


class PhaseCollector(FromRecords):
    """Seconds of prefill and of decode."""

    block = "phases"

    def collect(self, window: Window) -> PhaseTimes | None:
        if not all(batch.step_times_s for batch in window.batches):
            return None
        prefill_s = sum(batch.step_times_s[0] - batch.started_s for batch in window.batches)
        decode_s = sum(batch.step_times_s[-1] - batch.step_times_s[0] for batch in window.batches)
        return PhaseTimes(
            prefill_sec=prefill_s, decode_sec=decode_s, other_sec=window.duration_s - prefill_s - decode_s
        )


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


def in_dataset_order(window: Window, pairs: Callable[[BatchRecord], Iterable[tuple[int, T]]]) -> list[T]:
    """Values in the order of their prompts, pass after pass.

    Args:
        window: the window.
        pairs: gives the index of each prompt of a batch, with its value.
    """
    by_pass = ([pair for batch in batches for pair in pairs(batch)] for batches in window.passes)
    return [value for found in by_pass for _, value in sorted(found, key=lambda pair: pair[0])]


def _lengths(batch: BatchRecord) -> Iterator[tuple[int, int]]:
    return ((index, len(ids)) for index, ids in zip(batch.prompt_indices, batch.output_ids))


def _times_to_first_token_ms(batch: BatchRecord) -> Iterator[tuple[int, float]]:
    """Per prompt: its index in the dataset and the time in ms; nothing when steps were not recorded."""
    first_ms = [1000 * (batch.step_times_s[0] - batch.started_s)] if batch.step_times_s else []
    return ((index, time_ms) for time_ms in first_ms for index in batch.prompt_indices)


def request_latencies_ms(batch: BatchRecord, beams: bool = False) -> Iterator[tuple[int, float]]:
    """Per prompt: its index in the dataset, and the time in ms until its last token was generated.

    Under beam search this is the end of the batch, because the answer is not known before.
    """
    for index, ids in zip(batch.prompt_indices, batch.output_ids):
        end_s = batch.finished_s if beams else _time_of_token(batch, len(ids))
        yield index, 1000 * (end_s - batch.started_s)


def _time_of_token(batch: BatchRecord, count: int) -> float:
    """Time in s at which `count` tokens per row were generated; the end of the batch when steps were not recorded."""
    step = bisect_left(batch.step_tokens, count)
    return batch.step_times_s[step] if step < len(batch.step_times_s) else batch.finished_s


def inter_token_latencies_ms(batch: BatchRecord) -> Iterator[tuple[float, int]]:
    """Per decode step: milliseconds per token, and the number of tokens of unfinished requests with this latency.

    The time of a step that yields several tokens (speculative decoding) is divided among them.
    """
    lengths = [len(ids) for ids in batch.output_ids]
    steps = list(zip(batch.step_times_s, batch.step_tokens))
    for (before_s, before), (after_s, after) in zip(steps, steps[1:]):
        tokens = sum(min(length, after) - before for length in lengths if length > before)
        if tokens and after > before:
            yield 1000 * (after_s - before_s) / (after - before), tokens
