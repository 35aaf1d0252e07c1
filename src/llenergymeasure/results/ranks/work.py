"""Rules for combining tokens, latencies, memory, CPU time, FLOPs and warm-up of several ranks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from llenergymeasure.core.collect.distribution import distribution
from llenergymeasure.domain.measurements import Distribution, HostResult, LatencyResult, TokenCounts
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.warnings import MeasurementWarning, warning
from llenergymeasure.results.ranks.files import ProcessResult
from llenergymeasure.results.ranks.helpers import all_or_none, by_pass, each_once, in_a_row, interleaved
from llenergymeasure.results.ranks.rules import (
    Rule,
    Rules,
    Same,
    combined,
    every,
    given,
    least,
    left_out,
    metrics_in,
    most,
    of_rank_0,
    total,
    values,
)

T = TypeVar("T")

# About 20 MB of JSON per kind of sample.
MOST_SAMPLES = 1_000_000


def kept(samples: Sequence[Sequence[T]], join: Callable[[Sequence[Sequence[T]]], tuple[T, ...]]) -> tuple[T, ...]:
    """The samples of all ranks; empty when they are too many for a readable file."""
    return join(samples) if sum(map(len, samples)) <= MOST_SAMPLES else ()


def _by_prompt(samples: Sequence[Sequence[T]], n_passes: int) -> tuple[T, ...]:
    """Samples in dataset order, pass after pass: prompts were split round-robin, so they are taken from each rank in turn."""
    return kept(samples, lambda shares: in_a_row([interleaved(share) for share in by_pass(shares, n_passes)]))


def _by_rank(blocks: Sequence[Any], name: str) -> tuple[Any, ...]:
    return kept(values(blocks, name), in_a_row)


def _share_of_prompts(blocks: Sequence[Any], name: str) -> float:
    counts: list[int] = values(blocks, "n_prompts")
    return math.fsum(share * count for share, count in zip(values(blocks, name), counts)) / sum(counts)


def _percentiles(samples: str, weights: str | None = None) -> Rule:
    """The distribution of the samples of all ranks together; None without samples."""

    def rule(blocks: Sequence[Any], name: str) -> Distribution | None:
        samples_ms = values(blocks, samples)
        if not any(samples_ms):
            return None
        return distribution(samples_ms, None if weights is None else values(blocks, weights))

    return rule


TOKENS: Rules = {
    **metrics_in("tokens"),
    "n_passes": Same("number of passes over the prompts"),
    "input_tokens_padded": total,
    "output_tokens_requested": total,
    "ended_early_share": _share_of_prompts,
    "truncated_prompts": total,
    "longest_sequence": most,
    "double_bos_prompts": total,
    "output_tokens_per_prompt": lambda blocks, name: _by_prompt(values(blocks, name), blocks[0].n_passes),
}

_IN_ORDER = "the samples of all ranks in dataset order, which needs the number of passes"
LATENCY: Rules = {
    "request": _percentiles("request_ms"),
    "ttft": _percentiles("ttft_ms"),
    "itl": _percentiles("itl_ms", "itl_weights"),
    "queue": _percentiles("queue_ms"),
    "request_ms": given(_IN_ORDER),
    "ttft_ms": given(_IN_ORDER),
    "queue_ms": given(_IN_ORDER),
    "itl_ms": _by_rank,
    "itl_weights": _by_rank,
}

MEMORY: Rules = {
    **metrics_in("memory"),
    "source": lambda blocks, name: f"{getattr(blocks[0], name)}, sum of {len(blocks)} processes",
    "scope": of_rank_0("every rank reads its memory in the same way"),
}

HOST: Rules = {
    **metrics_in("host"),
    "instrument_cpu_seconds": total,
    "load_average_1m": most,
    "cpu_steal_share": most,
    "other_cpu_share": given("CPU share of other processes on rank 0's machine, without the other ranks on it"),
    "other_cpu_seconds": given("CPU time of other processes on all machines, without the ranks"),
    "threads": of_rank_0("each rank has the same number"),
    "omp_num_threads": of_rank_0("the launcher sets the same value"),
}

_SAME_MODEL = "every rank counts the same model by the same rule"
FLOPS: Rules = {
    **metrics_in("flops"),
    "method": of_rank_0(_SAME_MODEL),
    "confidence": of_rank_0(_SAME_MODEL),
    "precision": of_rank_0(_SAME_MODEL),
    "notes": of_rank_0(_SAME_MODEL),
    "flops_prefill": total,
    "flops_decode": total,
    "flops_useful": total,
}

_ONE_COURSE = "warm-up latencies of parallel ranks have no common order, so those of rank 0 are shown"
WARMUP: Rules = {
    "converged": every,
    "final_cv": most,
    "iterations_completed": of_rank_0(_ONE_COURSE),
    "target_cv": of_rank_0("of the configuration"),
    "max_prompts": of_rank_0("of the configuration"),
    "latencies_ms": of_rank_0(_ONE_COURSE),
    "duration_sec": of_rank_0(_ONE_COURSE),
    "thermal_floor_wait_s": least,
    "prompts_excluded": total,
    "shapes": most,
    "shapes_sec": most,
    "compilations": total,
    "compiling_sec": most,
}

COMPILATION: Rules = {"count": total, "seconds": most}

SCHEDULER: Rules = {
    "preemptions": total,
    "kv_cache_peak_share": most,
    "kv_cache_tokens": of_rank_0("every rank has a cache of the same size"),
    "kv_cache_mb": of_rank_0("every rank has a cache of the same size"),
    "cached_tokens": total,
    "prefix_cache_hit_rate": left_out("it belongs to the prompts of one rank"),
}


def combined_latency(results: Sequence[ExperimentResult]) -> LatencyResult | None:
    """The latencies of all ranks; None when one rank has none."""
    n_passes, names = results[0].n_passes, ("request_ms", "ttft_ms", "queue_ms")

    def joined(blocks: list[LatencyResult]) -> LatencyResult:
        return combined(blocks, LATENCY, {name: _by_prompt(values(blocks, name), n_passes) for name in names})

    return all_or_none([result.latency for result in results], joined)


def combined_host(processes: Sequence[ProcessResult], wall_s: float) -> HostResult:
    """CPU seconds of all ranks, and of other processes: their seconds on all machines, their share on that of rank 0."""
    machines = each_once(one.facts.host for one in processes)
    ranks = [[one.result.host for one in processes if one.facts.host == machine] for machine in machines]
    cpus = processes[0].result.environment_snapshot.cpu_count_logical or 1
    other = ranks[0][0].other_cpu_share
    share = None if other is None else max(other - _of_siblings_s(ranks[0]) / (cpus * wall_s), 0.0)
    others_s = all_or_none([_others_s(on_one) for on_one in ranks], math.fsum)
    hosts = [one.result.host for one in processes]
    return combined(hosts, HOST, {"other_cpu_share": share, "other_cpu_seconds": others_s})


def _others_s(ranks: Sequence[HostResult]) -> float | None:
    """CPU time in s of other processes on one machine, as its first rank measured it, without the other ranks."""
    seen_s = ranks[0].other_cpu_seconds
    return None if seen_s is None else max(seen_s - _of_siblings_s(ranks), 0.0)


def _of_siblings_s(ranks: Sequence[HostResult]) -> float:
    """CPU time in s of the ranks of one machine, without that of the first."""
    return math.fsum(host.cpu_seconds for host in ranks[1:])


def left_out_warnings(counts: Sequence[TokenCounts]) -> Iterator[MeasurementWarning]:
    """A warning when samples were too many to keep."""
    prompts = sum(one.n_prompts for one in counts)
    if prompts > MOST_SAMPLES:
        yield warning(
            "samples_left_out",
            f"the samples of {prompts} prompts exceed {MOST_SAMPLES}, so the result contains only percentiles and sums",
            "lower n, or min_duration_seconds where it is set, to keep all samples",
            prompts=prompts,
            most=MOST_SAMPLES,
        )
