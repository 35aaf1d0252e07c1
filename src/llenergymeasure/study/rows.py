"""From the outcome of a run to its row."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llenergymeasure.domain.energy import COVERAGE_FACTOR
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.result_data import ResultData
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.stats.unanswered import percentile_of_all

# The percentiles that are metrics, as shares.
_SHARES = {"p50_ms": 0.5, "p90_ms": 0.9, "p95_ms": 0.95, "p99_ms": 0.99}


@dataclass(frozen=True)
class Where:
    """Where runs are made.

    Attributes:
        host: name of the machine.
        environment: digest of the environment.
        number: number of the environment in the study, from 0.
    """

    host: str | None = None
    environment: str | None = None
    number: int = 0


def completed_row(row: RunRow, result: ResultData, path: str | None, took_s: float | None) -> RunRow:
    """The row of a run with a result.

    Args:
        row: the row of the running attempt.
        result: the result.
        path: path of the result relative to the study's folder; None when it was not written.
        took_s: duration of the run in s; None when it is not known.
    """
    return row.model_copy(
        update={
            "state": "completed",
            "failure": None,
            "result": path,
            "took_s": took_s,
            "values": {name: metric.read(result) for name, metric in METRICS.items()},
            "uncertainties": _uncertainties(result),
            "reading_uncertainty": _without_gain(result),
            "n_passes": result.n_passes,
            "failed_share": None if result.traffic is None else result.traffic.failed / result.traffic.sent,
            "of_sent": _of_sent(result),
            "output_tokens_per_request": result.tokens.output_tokens_per_request,
            "meter": None if result.energy.energy_j is None else result.energy.meter,
            "energy_estimated": result.energy.method == "estimated",
            "energy_method": result.energy.method,
            "temperature_c": _temperature_c(result),
            "gpus": tuple(f"{gpu.name} ({gpu.uuid})" for gpu in result.environment_snapshot.gpus),
            "gpu_names": tuple(gpu.name for gpu in result.environment_snapshot.gpus),
            "tool_version": result.tool_version,
            "libraries": result.environment_snapshot.libraries,
            "publication": {each.rule: each.state for each in result.publication_check.rules if each.rule},
            "warnings": tuple(dict.fromkeys(warning.code for warning in result.warnings)),
        }
    )


def _of_sent(result: ResultData) -> dict[str, float | None]:
    """Percentiles of the latencies of all requests that were sent to a server, of which some have no latency."""
    if result.traffic is None or result.latency is None:
        return {}
    sent, samples_ms = result.traffic.sent, {"ttft": result.latency.ttft_ms, "request": result.latency.request_ms}
    return {
        f"{name}_{point}": percentile_of_all(values, sent - len(values), share)
        for name, values in samples_ms.items()
        for point, share in _SHARES.items()
        if 0 < len(values) < sent
    }


def _uncertainties(result: ResultData) -> dict[str, float]:
    """Standard uncertainties of the energy and of what is derived from it."""
    if result.energy.energy_j is None or result.energy.uncertainty_j is None:
        return {}
    joules = result.energy.uncertainty_j / COVERAGE_FACTOR
    parts = {"energy_per_output_token": result.tokens.output_tokens, "energy_per_request": result.tokens.n_prompts}
    return {"energy_total_j": joules} | {name: joules / count for name, count in parts.items() if count}


def _without_gain(result: ResultData) -> float | None:
    """The relative standard uncertainty of the energy without the part of the gain."""
    parts_j = result.energy.uncertainty_parts_j
    if not result.energy.energy_j or not parts_j:
        return None
    rest_j = math.hypot(*(part_j for name, part_j in parts_j.items() if name != "gain"))
    return rest_j / COVERAGE_FACTOR / abs(result.energy.energy_j)


def _temperature_c(result: ResultData) -> float | None:
    starts = [each.temperature_start_c for each in result.gpu_conditions or ()]
    return max((start for start in starts if start is not None), default=None)


def failed_row(row: RunRow, failure: RunFailure, took_s: float) -> RunRow:
    """The row of a run that failed."""
    return row.model_copy(update={"state": "failed", "failure": failure, "took_s": took_s})


def skipped_row(row: RunRow, failed_in: str, failure: RunFailure) -> RunRow:
    """The row of a run that is not tried, because an earlier run of its cell failed in a way that lasts."""
    message = f"not tried: {failed_in} failed for a reason that applies to this run too"
    return row.model_copy(update={"state": "skipped", "failure": RunFailure(kind=failure.kind, message=message)})
