"""Combines the results of several processes that ran in parallel, each on its own device, into one result.

Energy, tokens and FLOPs are summed. Time is the wall span from the first start to the last end, and throughput is the sum
of tokens over it. Percentiles are taken of the latencies of all processes together. Values that must be equal in all
processes are checked first. The rules of single fields are in `fields`; this module computes the other values.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from llenergymeasure.core.quality.judgement import UNJUDGED, judged
from llenergymeasure.domain.energy import CarbonEstimate, EnergyReading, carbon_of
from llenergymeasure.domain.measurements import ModelInfo, MultiGpu
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.ranks.energy import combined_baseline, combined_energy
from llenergymeasure.results.ranks.fields import MODEL, RESULT
from llenergymeasure.results.ranks.files import ProcessResult
from llenergymeasure.results.ranks.helpers import each_once
from llenergymeasure.results.ranks.overlap import overlap_warnings, own_warnings
from llenergymeasure.results.ranks.packing import SAMPLES
from llenergymeasure.results.ranks.rules import combined
from llenergymeasure.results.ranks.same import check_same
from llenergymeasure.results.ranks.work import combined_host, combined_latency, left_out_warnings


def aggregate(processes: Sequence[ProcessResult]) -> ExperimentResult:
    """Combine results in order of rank.

    Raises:
        AggregationError: a value that must be equal differs; with the first difference and both values.
    """
    if not processes:
        raise AggregationError("there is no result to combine")
    results = [one.result for one in processes]
    check_same(results)
    energy, shared = combined_energy(processes)
    draft = combined(results, RESULT, {**_made(processes, energy), **UNJUDGED})
    left_out = left_out_warnings([result.tokens for result in results])
    return judged(draft, (*own_warnings(processes), *shared, *overlap_warnings(processes), *left_out))


def _made(processes: Sequence[ProcessResult], energy: EnergyReading) -> dict[str, Any]:
    """Fields that are not computed from their own block alone."""
    results = [one.result for one in processes]
    times, model = _times(processes), _model(results)
    return {
        **times,
        "model_info": model,
        "energy": energy,
        "baseline": combined_baseline(processes),
        "latency": combined_latency(results),
        "host": combined_host(processes, times["duration_sec"]),
        "co2": _carbon(results[0], energy),
        "multi_gpu": MultiGpu(devices=model.devices, strategy="data_parallel", energy_per_device_j=energy.per_device_j),
        "process_results": tuple(_embedded(one) for one in processes),
    }


def _model(results: Sequence[ExperimentResult]) -> ModelInfo:
    return combined([result.model_info for result in results], MODEL, {"devices": _devices(results)})


def _span(processes: Sequence[ProcessResult]) -> tuple[float, float]:
    """From the first start to the last end, in seconds since 1970."""
    return min(one.facts.start_utc_s for one in processes), max(one.facts.end_utc_s for one in processes)


def _times(processes: Sequence[ProcessResult]) -> dict[str, Any]:
    start_s, end_s = _span(processes)
    opened_s = datetime.fromisoformat(min(one.result.started_at for one in processes)).timestamp()
    steady = processes[0].result.steady_state_window is not None
    return {
        "duration_sec": end_s - start_s,
        "window_utc": (start_s, end_s),
        "steady_state_window": (start_s - opened_s, end_s - opened_s) if steady else None,
    }


def _carbon(first: ExperimentResult, energy: EnergyReading) -> CarbonEstimate | None:
    if first.co2 is None:
        return None
    return carbon_of(energy.energy_j, first.co2.carbon_intensity_gco2_kwh, first.co2.datacenter_pue)


def _devices(results: Sequence[ExperimentResult]) -> tuple[str, ...]:
    """UUIDs of the metered GPUs; for a model on CPUs, and without a meter, the kind of device and the rank."""
    device = results[0].model_info.device
    named = () if device == "cpu" else each_once(uuid for one in results for uuid in one.energy.per_device_j or ())
    return named or tuple(f"{device}:{rank}" for rank in range(len(results)))


def _embedded(process: ProcessResult) -> dict[str, Any]:
    """The result of one process without its samples, which are in the combined result."""
    bare = {"config": True, "process_results": True}
    dumped = process.result.model_dump(mode="json", exclude=bare | _samples_by_block())
    for block, name, _ in SAMPLES:
        if dumped[block] is not None:
            dumped[block][name] = []
    return {"rank": process.facts.rank, "host": process.facts.host, **dumped}


def _samples_by_block() -> dict[str, Any]:
    """The fields to exclude from `model_dump`, by block."""
    return {block: {name for of, name, _ in SAMPLES if of == block} for block, _, _ in SAMPLES}
