"""One result from the results of several processes that ran side by side, each on a device of its own.

Energy, tokens and FLOPs are summed; time is the wall span from the first start to the last end; throughput is all tokens
over it; latencies are put together before percentiles are taken. What every process must share is checked first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, zip_longest
from statistics import fmean
from typing import Any, TypeVar

from llenergymeasure.core.doubts import doubts_of, reproducibility_notes
from llenergymeasure.core.facts import Facts
from llenergymeasure.core.metrics import distribution
from llenergymeasure.core.publication import check_publication
from llenergymeasure.domain.co2 import carbon_of
from llenergymeasure.domain.measurements import (
    BaselineResult,
    EnergyReading,
    FlopsResult,
    HostResult,
    LatencyResult,
    MemoryResult,
    MultiGpu,
    TokenCounts,
)
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.process_files import ProcessResult

T = TypeVar("T")

# What the sampler of a process saw; anything else is judged again from the combined numbers.
_OWN_WARNINGS = frozenset(
    {
        "meter_problem",
        "baseline_problem",
        "thermal_drift_detected",
        "throttling_detected",
        "foreign_process",
        "sampling_gap",
    }
)
_ALIKE: dict[str, Callable[[ExperimentResult], Any]] = {
    "configuration": lambda result: result.measurement_config_hash,
    "release": lambda result: result.tool_version,
    "schema": lambda result: result.schema_version,
    "model revision": lambda result: result.model_info.revision,
    "precision": lambda result: result.model_info.dtype,
    "attention": lambda result: result.model_info.attn_implementation,
    "meter": lambda result: result.energy.meter,
    "energy method": lambda result: result.energy.method,
    "dataset": lambda result: result.dataset.sha256,
    "Python": lambda result: result.environment_snapshot.python,
    "torch": lambda result: result.environment_snapshot.packages.get("torch"),
    "transformers": lambda result: result.environment_snapshot.packages.get("transformers"),
    "driver": lambda result: result.environment_snapshot.driver_version,
}


def aggregate(processes: Sequence[ProcessResult]) -> ExperimentResult:
    """Combine results in order of rank.

    Raises:
        AggregationError: they are not alike; names the first difference, with both values.
    """
    if not processes:
        raise AggregationError("there is no result to combine")
    results = [one.result for one in processes]
    _check_alike(results)
    first = results[0]
    start_s, end_s = min(p.facts.start_utc_s for p in processes), max(p.facts.end_utc_s for p in processes)
    energy, counted_once = combined_energy(processes)
    blocks: dict[str, Any] = {
        "energy": energy,
        "baseline": combined_baseline(processes),
        "tokens": combined_tokens([result.tokens for result in results]),
        "latency": combined_latency([result.latency for result in results]),
        "memory": combined_memory([result.memory for result in results]),
        "host": combined_host(processes, end_s - start_s),
        "flops": combined_flops([result.flops for result in results]),
        "flops_architecture": _all_or_none([result.flops_architecture for result in results], combined_flops),
    }
    facts = Facts(
        config=first.config,
        duration_s=end_s - start_s,
        meter=first.meter,
        model=first.model_info,
        dataset=first.dataset,
        environment=first.environment_snapshot.model_copy(update={"gpus": _gpus(results)}),
        warmup=first.warmup,
        **blocks,
    )
    warnings = (*doubts_of(facts), *_of_processes(processes), *counted_once, *_without_overlap(processes))
    return first.model_copy(
        update={
            **blocks,
            "duration_sec": end_s - start_s,
            "started_at": min(result.started_at for result in results),
            "finished_at": max(result.finished_at for result in results),
            "phases": None,
            "phase_energy": None,
            "thermal_throttle": None,
            "sampler": None,
            "timeline": None,
            "gpu_conditions": None,
            "timeseries": None,
            "environment_snapshot": facts.environment,
            "model_info": first.model_info.model_copy(update={"devices": _devices(results)}),
            "co2": _carbon(first, energy),
            "measurement_warnings": warnings,
            "reproducibility_notes": reproducibility_notes(energy),
            "publication_check": check_publication(facts),
            "multi_gpu": MultiGpu(
                devices=_devices(results), strategy="data_parallel", energy_per_device_j=energy.per_device_j
            ),
            "process_results": tuple(_embedded(one) for one in processes),
        }
    )


def _check_alike(results: Sequence[ExperimentResult]) -> None:
    for what, look in _ALIKE.items():
        for rank, result in enumerate(results):
            if look(result) != look(results[0]):
                raise AggregationError(
                    f"results are not alike and are not combined: {what} is {look(results[0])!r} on rank 0 and "
                    f"{look(result)!r} on rank {rank}"
                )


def combined_energy(processes: Sequence[ProcessResult]) -> tuple[EnergyReading, tuple[str, ...]]:
    """The sum, each device of each machine once, and a warning where processes shared one.

    Gains of cards of one kind may be the same and add up; other parts of the uncertainty are independent.
    """
    readings = [one.result.energy for one in processes]
    missing = [(rank, one.reason) for rank, one in enumerate(readings) if one.energy_j is None]
    if missing:
        reasons = {reason: f"rank {rank}: {reason}" for rank, reason in missing}
        reason = missing[0][1] if len(reasons) == 1 and len(missing) == len(readings) else "; ".join(reasons.values())
        return readings[0].model_copy(update=_NOTHING | {"reason": reason}), ()
    kept, shared = [], []
    seen: dict[tuple[str, frozenset[str]], int] = {}
    for rank, (process, reading) in enumerate(zip(processes, readings)):
        device = (process.facts.host, frozenset(reading.per_device_j or {"machine"}))
        overlapping = next(
            (other for (host, uuids), other in seen.items() if host == device[0] and uuids & device[1]), None
        )
        if overlapping is None:
            seen[device] = rank
            kept.append(reading)
        else:
            shared.append(
                f"device_counted_once: ranks {overlapping} and {rank} read the same meter ({', '.join(sorted(device[1]))}); "
                f"it is counted once, for rank {overlapping}"
            )
    return _summed(kept), tuple(shared)


_NOTHING: dict[str, Any] = {
    "energy_j": None, "per_device_j": None, "method": None, "uncertainty_j": None, "uncertainty_parts_j": {},
    "crosscheck_j": None, "crosscheck_uncertainty_j": None, "domains": (),
}  # fmt: skip


def _summed(readings: Sequence[EnergyReading]) -> EnergyReading:
    names = sorted({name for reading in readings for name in reading.uncertainty_parts_j})
    parts = {name: math.hypot(*(one.uncertainty_parts_j.get(name, 0.0) for one in readings)) for name in names}
    if "gain" in parts:
        parts["gain"] = math.fsum(one.uncertainty_parts_j.get("gain", 0.0) for one in readings)
    has_uncertainty = all(one.uncertainty_j is not None for one in readings)
    return readings[0].model_copy(
        update={
            "energy_j": math.fsum(one.energy_j or 0.0 for one in readings),
            "per_device_j": _all_or_none([one.per_device_j for one in readings], _merged),
            "uncertainty_parts_j": parts,
            "uncertainty_j": math.hypot(*parts.values()) if has_uncertainty else None,
            "n_readings": min(one.n_readings for one in readings),
            "crosscheck_j": _all_or_none([one.crosscheck_j for one in readings], math.fsum),
            "crosscheck_uncertainty_j": _all_or_none(
                [one.crosscheck_uncertainty_j for one in readings], lambda found: math.hypot(*found)
            ),
            "domains": tuple(_summed_domains(readings)),
            "problems": tuple(dict.fromkeys(chain.from_iterable(one.problems for one in readings))),
        }
    )


def _summed_domains(readings: Sequence[EnergyReading]) -> Iterable[Any]:
    for domain in readings[0].domains:
        same = [one for reading in readings for one in reading.domains if one.name == domain.name]
        yield domain.model_copy(update={"energy_j": math.fsum(one.energy_j for one in same)})


def _merged(mappings: Sequence[dict[str, float]]) -> dict[str, float]:
    return dict(chain.from_iterable(mapping.items() for mapping in mappings))


def _all_or_none(values: Sequence[T | None], combine: Callable[[list[T]], Any]) -> Any:
    """Combined when all are there; None when one is missing."""
    there = [value for value in values if value is not None]
    return combine(there) if len(there) == len(values) else None


def combined_baseline(processes: Sequence[ProcessResult]) -> BaselineResult:
    """Idle power of all devices: the sum, each machine's or device's once."""
    first = processes[0].result.baseline
    by_device: dict[tuple[str, tuple[str, ...]], BaselineResult] = {}
    for one in processes:
        if one.result.baseline.power_w is None:
            return one.result.baseline
        devices = tuple(sorted(one.result.energy.per_device_j or {"machine": 0.0}))
        by_device.setdefault((one.facts.host, devices), one.result.baseline)
    problems = chain.from_iterable(one.result.baseline.problems for one in processes)
    total_w = math.fsum(one.power_w or 0.0 for one in by_device.values())
    return first.model_copy(update={"power_w": total_w, "problems": tuple(dict.fromkeys(problems))})


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
        output_tokens_per_prompt=in_turn([one.output_tokens_per_prompt for one in counts]),
    )


def in_turn(dealt: Sequence[Sequence[T]]) -> tuple[T, ...]:
    """The first of each, the second of each, and so on: undoes dealing out."""
    missing = object()
    rounds = zip_longest(*dealt, fillvalue=missing)
    return tuple(value for one in rounds for value in one if value is not missing)  # type: ignore[misc]


def combined_latency(latencies: Sequence[LatencyResult | None]) -> LatencyResult | None:
    """Samples of all processes together, then percentiles."""
    there = [one for one in latencies if one is not None]
    if len(there) < len(latencies):
        return None
    request_ms = in_turn([one.request_ms for one in there])
    ttft_ms = in_turn([one.ttft_ms for one in there])
    itl_ms = tuple(chain.from_iterable(one.itl_ms for one in there))
    weights = tuple(chain.from_iterable(one.itl_weights for one in there))
    return LatencyResult(
        request=distribution(request_ms),
        ttft=distribution(ttft_ms) if ttft_ms else None,
        itl=distribution(itl_ms, weights) if itl_ms else None,
        request_ms=request_ms,
        ttft_ms=ttft_ms,
        itl_ms=itl_ms,
        itl_weights=weights,
    )


def combined_memory(memories: Sequence[MemoryResult]) -> MemoryResult:
    """Peaks of all processes together; each has a copy of the model."""
    peak_mb = _all_or_none([one.peak_memory_mb for one in memories], math.fsum)
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
            "instrument_cpu_seconds": _all_or_none([one.instrument_cpu_seconds for one in hosts], math.fsum),
            "cpu_steal_share": _all_or_none([one.cpu_steal_share for one in hosts], max),
            "other_cpu_share": None if other is None else max(other - siblings_s / (cpus * wall_s), 0.0),
            "load_average_1m": _all_or_none([one.load_average_1m for one in hosts], max),
        }
    )


def combined_flops(flops: Sequence[FlopsResult]) -> FlopsResult:
    """Sums."""
    names = ("value", "flops_prefill", "flops_decode", "flops_useful")
    return flops[0].model_copy(
        update={name: _all_or_none([getattr(one, name) for one in flops], sum) for name in names}
    )


def _carbon(first: ExperimentResult, energy: EnergyReading) -> Any:
    if first.co2 is None:
        return None
    return carbon_of(energy.energy_j, first.co2.carbon_intensity_gco2_kwh, first.co2.datacenter_pue)


def _gpus(results: Sequence[ExperimentResult]) -> tuple[Any, ...]:
    found = {gpu.uuid: gpu for result in results for gpu in result.environment_snapshot.gpus}
    return tuple(found.values())


def _devices(results: Sequence[ExperimentResult]) -> tuple[str, ...]:
    named = [uuid for result in results for uuid in result.energy.per_device_j or ()]
    return tuple(dict.fromkeys(named)) or tuple(
        f"{result.model_info.device}:{rank}" for rank, result in enumerate(results)
    )


def _of_processes(processes: Sequence[ProcessResult]) -> Iterable[str]:
    for rank, process in enumerate(processes):
        for warning in process.result.measurement_warnings:
            code, _, sentence = warning.partition(": ")
            if code in _OWN_WARNINGS:
                yield f"{code}: rank {rank}: {sentence}"


def _without_overlap(processes: Sequence[ProcessResult]) -> Iterable[str]:
    starts = [one.facts.start_utc_s for one in processes]
    ends = [one.facts.end_utc_s for one in processes]
    common_s = min(ends) - max(starts)
    if common_s <= 0:
        yield (
            f"processes_not_side_by_side: the windows of the processes have no moment in common (gap {-common_s:.3g} s): "
            "throughput is not that of processes side by side; check the clocks of the machines and run again"
        )
        return
    share = common_s / fmean([end - start for start, end in zip(starts, ends)])
    if share < MIN_OVERLAP:
        yield (
            f"processes_barely_overlap: the windows of the processes share {100 * share:.3g} % of their time, below "
            f"{100 * MIN_OVERLAP:g} %; check the clocks of the machines and run again"
        )


# All windows open and close at a barrier: what is missing is the machines' clocks, or a barrier that did not hold.
MIN_OVERLAP = 0.9


def _embedded(process: ProcessResult) -> dict[str, Any]:
    """A process's own result without the samples, which are in the whole."""
    dumped = process.result.model_dump(mode="json", exclude={"config": True, "process_results": True})
    for name in ("request_ms", "ttft_ms", "itl_ms", "itl_weights"):
        if dumped.get("latency"):
            dumped["latency"][name] = []
    return {"rank": process.facts.rank, "host": process.facts.host, **dumped}
