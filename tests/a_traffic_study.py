"""A study over the traffic of a server, with known latencies and energies, analysed as a real study.

At a rate r: energy per output token 0.2 + 1 / r J, time to first token 40 / (1 - r / 20) ms, inter-token latency 10 + r ms. The
noise of each run is a factor that depends on its cycle alone, so that ratios are exact.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from a_study import a_protocol
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.study.design import Cell, StudyDesign
from llenergymeasure.domain.study.factors import factors_and_cells
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.study.analysis.analyse import analyse
from llenergymeasure.study.analysis.words.summary import summary

RATES = (1.0, 4.0, 8.0, 16.0)
SLO = {"ttft_p99_ms": 150.0, "itl_p99_ms": 30.0}
Values = Mapping[str, float | None]
CRASH = RunFailure(kind="crash", message="the process of the experiment exited without a result (exit code 139)")
OVERLOAD = RunFailure(kind="unanswered", message="all 64 requests to http://127.0.0.1:8000/v1 failed: status_429: 64")


def a_served_config(
    traffic: Mapping[str, Any], slo: Mapping[str, float] | None = SLO, **fields: Any
) -> ExperimentConfig:
    """The experiment of a cell."""
    known = {"model": "acme/some-model-8b", "backend": "server", "n": 64, "slo": slo}
    return ExperimentConfig(
        **{**known, "server": {"url": "http://127.0.0.1:8000/v1"}, "traffic": dict(traffic), **fields}
    )


def over_rates(rates: Sequence[float] = RATES, **fields: Any) -> list[ExperimentConfig]:
    """One experiment per rate."""
    return [a_served_config({"mode": "poisson", "rate": rate}, **fields) for rate in rates]


def over_concurrencies(*values: int, **fields: Any) -> list[ExperimentConfig]:
    """One experiment per concurrency."""
    return [a_served_config({"concurrency": value}, **fields) for value in values]


def a_served_design(experiments: Sequence[ExperimentConfig]) -> StudyDesign:
    """The design of these experiments; the first is the reference."""
    factors, cells = factors_and_cells(experiments)
    return StudyDesign(name="rates", factors=factors, cells=cells, reference="01", design_hash="0123456789abcdef")


def values_at(config: ExperimentConfig) -> dict[str, float | None]:
    """The values of a run without noise."""
    traffic = config.traffic_settings
    rate = float(traffic.rate or traffic.effective_concurrency or 1)
    ttft = 40 / (1 - rate / 20)
    good = rate if ttft <= 150 else 0.0
    return {
        "energy_per_output_token": 0.2 + 1 / rate, "tokens_per_second": 64 * rate, "requests_per_second": rate, "goodput": good,
        "energy_per_good_request": (0.2 + 1 / rate) * 64 if good else None, "output_tokens": 4096.0,
        "ttft_p50_ms": ttft / 2, "ttft_p99_ms": ttft, "itl_p99_ms": 10 + rate, "request_p99_ms": ttft + 64 * (10 + rate),
    }  # fmt: skip


def a_traffic_study(
    experiments: Sequence[ExperimentConfig] | None = None,
    values: Callable[[ExperimentConfig], Values] = values_at,
    *,
    cv: float = 0.0,
    estimated: bool = False,
    failed_share: Callable[[ExperimentConfig], float] = lambda config: 0.0,
    of_sent: Callable[[ExperimentConfig, int], Values] = lambda config, cycle: {},
    failure: Callable[[ExperimentConfig, int], RunFailure | None] = lambda config, cycle: None,
    limits: Mapping[str, float] | None = None,
    n_cycles: int = 3,
) -> StudyData:
    """The study, run and analysed.

    Args:
        experiments: its cells; None = over four rates.
        values: the values of a run without noise.
        cv: spread of a run.
        estimated: whether the energy is an estimate.
        failed_share: share of the requests that failed.
        of_sent: percentiles in which they count as later than all others.
        failure: why a run of a cell in a cycle has no result; None = it has one.
        limits: limits that were asked for.
        n_cycles: number of cycles.
    """
    design, protocol = (
        a_served_design(over_rates() if experiments is None else experiments),
        a_protocol(n_cycles=n_cycles),
    )
    chance, runs = random.Random(7), []
    for cycle in range(1, n_cycles + 1):
        for cell in design.cells:
            noise = 1.01**cycle * math.exp(chance.gauss(0, cv))
            found = {name: value and value * noise for name, value in values(cell.config).items()}
            run = _run(cell, cycle, len(runs) + 1, found)
            meter = "codecarbon" if estimated else "nvml"
            more = {"meter": meter, "energy_estimated": estimated, "failed_share": failed_share(cell.config)}
            measured = run.model_copy(update={**more, "of_sent": of_sent(cell.config, cycle)})
            why = failure(cell.config, cycle)
            runs.append(measured if why is None else _failed(measured, why))
    study = StudyData(study_id="rates_2026-11-29T06-52-40", design=design, protocol=protocol, runs=tuple(runs))
    effects = analyse(design, runs, protocol, limits=limits)
    assert effects is not None
    return study.model_copy(update={"effects": effects, "answer": summary(design, effects)})


def at_rate(rate: float, failure: RunFailure, *cycles: int) -> Callable[[ExperimentConfig, int], RunFailure | None]:
    """The runs of a rate that fail: in these cycles, or in all of three."""
    failing = cycles or (1, 2, 3)
    return lambda config, cycle: failure if config.traffic_settings.rate == rate and cycle in failing else None


def _failed(run: RunRow, failure: RunFailure) -> RunRow:
    nothing = {"values": {}, "of_sent": {}, "result": None, "n_passes": None, "meter": None, "failed_share": None}
    return run.model_copy(update={**nothing, "state": "failed", "failure": failure})


def _run(cell: Cell, cycle: int, place: int, values: dict[str, float | None]) -> RunRow:
    return RunRow(
        run_id=f"{cell.id}.c{cycle}", place=place, cell=cell.id, cycle=cycle, attempt=1, state="completed",
        block=f"cycle {cycle}", started_at=f"2026-11-29T06:{place:02}:00+00:00", took_s=20.0, host="node-1",
        result=f"runs/{cell.id}.c{cycle}/result.json", values=values, n_passes=1,
    )  # fmt: skip
