"""Work of several processes: tokens, latencies, memory, CPU time and FLOPs put together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from llenergymeasure.domain.measurements import (
    FlopsResult,
    HostResult,
    LatencyResult,
    MemoryResult,
    TokenCounts,
    WarmupResult,
)
from llenergymeasure.results.ranks.distributions import pooled
from llenergymeasure.results.ranks.files import ProcessResult
from llenergymeasure.results.ranks.helpers import all_or_none, in_a_row, in_turn

T = TypeVar("T")

# About 20 MB of JSON per kind of sample.
MOST_SAMPLES = 1_000_000


def combined_tokens(counts: Sequence[TokenCounts]) -> TokenCounts:
    """Sums; prompts were dealt out in turn, so taking one of each rank in turn restores their order."""
    prompts = sum(one.n_prompts for one in counts)
    ended = math.fsum(one.ended_early_share * one.n_prompts for one in counts)
    return TokenCounts(
        n_prompts=prompts,
        input_tokens=sum(one.input_tokens for one in counts),
        input_tokens_padded=sum(one.input_tokens_padded for one in counts),
        output_tokens=sum(one.output_tokens for one in counts),
        output_tokens_requested=sum(one.output_tokens_requested for one in counts),
        ended_early_share=ended / prompts,
        truncated_prompts=sum(one.truncated_prompts for one in counts),
        output_tokens_per_prompt=kept([one.output_tokens_per_prompt for one in counts], in_turn),
    )


def combined_latency(latencies: Sequence[LatencyResult | None]) -> LatencyResult | None:
    """Samples of all processes together, then percentiles; None when a process timed no request."""
    there = [one for one in latencies if one is not None]
    if len(there) < len(latencies):
        return None
    request_ms, ttft_ms = [one.request_ms for one in there], [one.ttft_ms for one in there]
    itl_ms, weights = [one.itl_ms for one in there], [one.itl_weights for one in there]
    # A copy, not a new one: millions of samples that were checked when they were read are not checked again.
    return there[0].model_copy(
        update={
            "request": pooled(request_ms),
            "ttft": pooled(ttft_ms),
            "itl": pooled(itl_ms, weights),
            "request_ms": kept(request_ms, in_turn),
            "ttft_ms": kept(ttft_ms, in_turn),
            "itl_ms": kept(itl_ms, in_a_row),
            "itl_weights": kept(weights, in_a_row),
        }
    )


def kept(samples: Sequence[Sequence[T]], join: Callable[[Sequence[Sequence[T]]], tuple[T, ...]]) -> tuple[T, ...]:
    """The samples of all processes; none when they are too many for a file that people open."""
    return join(samples) if sum(map(len, samples)) <= MOST_SAMPLES else ()


def left_out_warnings(counts: Sequence[TokenCounts]) -> Iterator[str]:
    """A word on samples that were too many to keep."""
    prompts = sum(one.n_prompts for one in counts)
    if prompts > MOST_SAMPLES:
        yield (
            f"samples_left_out: the samples of {prompts} prompts are more than {MOST_SAMPLES}: the result keeps their "
            "percentiles and sums; lower n to keep each of them"
        )


def combined_memory(memories: Sequence[MemoryResult]) -> MemoryResult:
    """Peaks of all processes together; each has a copy of the model."""
    peak_mb = all_or_none([one.peak_memory_mb for one in memories], math.fsum)
    return MemoryResult(peak_memory_mb=peak_mb, source=f"{memories[0].source}, sum of {len(memories)} processes")


def combined_host(processes: Sequence[ProcessResult], wall_s: float) -> HostResult:
    """CPU seconds of all; what others used of rank 0's machine, less what the other ranks on it used."""
    hosts = [one.result.host for one in processes]
    here = processes[0].facts.host
    cpus = processes[0].result.environment_snapshot.cpu_count_logical or 1
    siblings_s = math.fsum(one.result.host.cpu_seconds for one in processes[1:] if one.facts.host == here)
    other = hosts[0].other_cpu_share
    return hosts[0].model_copy(
        update={
            "cpu_seconds": math.fsum(one.cpu_seconds for one in hosts),
            "instrument_cpu_seconds": all_or_none([one.instrument_cpu_seconds for one in hosts], math.fsum),
            "cpu_steal_share": all_or_none([one.cpu_steal_share for one in hosts], max),
            "other_cpu_share": None if other is None else max(other - siblings_s / (cpus * wall_s), 0.0),
            "load_average_1m": all_or_none([one.load_average_1m for one in hosts], max),
        }
    )


def combined_flops(flops: Sequence[FlopsResult]) -> FlopsResult:
    """Sums."""
    names = ("value", "flops_prefill", "flops_decode", "flops_useful")
    return flops[0].model_copy(update={name: all_or_none([getattr(one, name) for one in flops], sum) for name in names})


def combined_warmup(warmups: Sequence[WarmupResult | None]) -> WarmupResult | None:
    """Of rank 0, as steady as the least steady, with what all of them left out; None without."""
    there = [one for one in warmups if one is not None]
    if len(there) < len(warmups):
        return None
    cvs = [one.final_cv for one in there]
    return there[0].model_copy(
        update={
            "converged": all_or_none([one.converged for one in there], all),
            "final_cv": all_or_none(cvs, max),
            "prompts_excluded": sum(one.prompts_excluded for one in there),
            "thermal_floor_wait_s": min(one.thermal_floor_wait_s for one in there),
        }
    )
