"""One result from the results of several processes that ran side by side, each on a device of its own.

Energy, tokens and FLOPs are summed; time is the wall span from the first start to the last end; throughput is all tokens
over it; latencies are put together before percentiles are taken. What every process must share is checked first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from llenergymeasure.core.facts import Facts
from llenergymeasure.core.quality.publication import check_publication
from llenergymeasure.core.quality.warnings import doubts_of, reproducibility_notes
from llenergymeasure.domain.co2 import CarbonEstimate, carbon_of
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.domain.measurements import EnergyReading, MultiGpu
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.ranks.energy import combined_baseline, combined_energy
from llenergymeasure.results.ranks.files import ProcessResult
from llenergymeasure.results.ranks.helpers import all_or_none, each_once
from llenergymeasure.results.ranks.overlap import overlap_warnings, own_warnings
from llenergymeasure.results.ranks.same import check_alike
from llenergymeasure.results.ranks.work import (
    combined_flops,
    combined_host,
    combined_latency,
    combined_memory,
    combined_tokens,
    combined_warmup,
    left_out_warnings,
)

SAMPLES = ("request_ms", "ttft_ms", "itl_ms", "itl_weights")
# Of one process's own window: they have no meaning for the whole.
_OF_ONE = (
    "phases",
    "phase_energy",
    "thermal_throttle",
    "sampler",
    "timeline",
    "gpu_conditions",
    "timeseries",
    "timeseries_file",
)


def aggregate(processes: Sequence[ProcessResult]) -> ExperimentResult:
    """Combine results in order of rank.

    Raises:
        AggregationError: they are not alike; names the first difference, with both values.
    """
    if not processes:
        raise AggregationError("there is no result to combine")
    check_alike([one.result for one in processes])
    energy, shared = combined_energy(processes)
    blocks = _blocks(processes, energy)
    facts = _facts(processes, blocks)
    return processes[0].result.model_copy(
        update={
            **dict.fromkeys(_OF_ONE),
            **blocks,
            **_times(processes),
            "environment_snapshot": facts.environment,
            "model_info": facts.model,
            "co2": _carbon(processes[0].result, energy),
            "measurement_warnings": (
                *doubts_of(facts), *own_warnings(processes), *shared, *overlap_warnings(processes),
                *left_out_warnings([one.result.tokens for one in processes]),
            ),
            "reproducibility_notes": reproducibility_notes(energy),
            "publication_check": check_publication(facts),
            "multi_gpu": MultiGpu(
                devices=facts.model.devices, strategy="data_parallel", energy_per_device_j=energy.per_device_j
            ),
            "process_results": tuple(_embedded(one) for one in processes),
        }
    )  # fmt: skip


def _blocks(processes: Sequence[ProcessResult], energy: EnergyReading) -> dict[str, Any]:
    results = [one.result for one in processes]
    start_s, end_s = _span(processes)
    return {
        "energy": energy,
        "baseline": combined_baseline(processes),
        "tokens": combined_tokens([result.tokens for result in results]),
        "latency": combined_latency([result.latency for result in results]),
        "memory": combined_memory([result.memory for result in results]),
        "host": combined_host(processes, end_s - start_s),
        "flops": combined_flops([result.flops for result in results]),
        "flops_architecture": all_or_none([result.flops_architecture for result in results], combined_flops),
        "warmup": combined_warmup([result.warmup for result in results]),
    }


def _facts(processes: Sequence[ProcessResult], blocks: dict[str, Any]) -> Facts:
    results = [one.result for one in processes]
    first, (start_s, end_s) = results[0], _span(processes)
    return Facts(
        config=first.config,
        duration_s=end_s - start_s,
        meter=first.meter,
        model=first.model_info.model_copy(update={"devices": _devices(results)}),
        dataset=first.dataset,
        environment=first.environment_snapshot.model_copy(update={"gpus": _gpus(results)}),
        **blocks,
    )


def _span(processes: Sequence[ProcessResult]) -> tuple[float, float]:
    """From the first start to the last end, in seconds since 1970."""
    return min(one.facts.start_utc_s for one in processes), max(one.facts.end_utc_s for one in processes)


def _times(processes: Sequence[ProcessResult]) -> dict[str, Any]:
    results, (start_s, end_s) = [one.result for one in processes], _span(processes)
    started_at = min(result.started_at for result in results)
    opened_s = datetime.fromisoformat(started_at).timestamp()
    steady = results[0].steady_state_window is not None
    return {
        "duration_sec": end_s - start_s,
        "window_utc": (start_s, end_s),
        "steady_state_window": (start_s - opened_s, end_s - opened_s) if steady else None,
        "started_at": started_at,
        "finished_at": max(result.finished_at for result in results),
    }


def _carbon(first: ExperimentResult, energy: EnergyReading) -> CarbonEstimate | None:
    if first.co2 is None:
        return None
    return carbon_of(energy.energy_j, first.co2.carbon_intensity_gco2_kwh, first.co2.datacenter_pue)


def _gpus(results: Sequence[ExperimentResult]) -> tuple[GpuInfo, ...]:
    found = {gpu.uuid: gpu for result in results for gpu in result.environment_snapshot.gpus}
    return tuple(found.values())


def _devices(results: Sequence[ExperimentResult]) -> tuple[str, ...]:
    """UUIDs of what was metered, or the kind of device and the rank."""
    named = each_once(uuid for result in results for uuid in result.energy.per_device_j or ())
    return named or tuple(f"{result.model_info.device}:{rank}" for rank, result in enumerate(results))


def _embedded(process: ProcessResult) -> dict[str, Any]:
    """A process's own result without the samples, which are in the whole."""
    result = process.result
    if result.latency is not None:
        bare = result.latency.model_copy(update=dict.fromkeys(SAMPLES, ()))
        result = result.model_copy(update={"latency": bare})
    tokens = result.tokens.model_copy(update={"output_tokens_per_prompt": ()})
    result = result.model_copy(update={"tokens": tokens})
    dumped = result.model_dump(mode="json", exclude={"config": True, "process_results": True})
    return {"rank": process.facts.rank, "host": process.facts.host, **dumped}
