"""Energy and idle power of several processes: every device of every machine once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from llenergymeasure.domain.measurements import BaselineResult, EnergyDomain, EnergyReading
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.ranks.files import ProcessResult
from llenergymeasure.results.ranks.helpers import all_or_none, each_once

# A meter that tells no devices covers the machine that it runs on.
MACHINE = frozenset({"machine"})


def combined_energy(processes: Sequence[ProcessResult]) -> tuple[EnergyReading, tuple[str, ...]]:
    """The sum, each device of each machine once, and a warning where processes shared one.

    Raises:
        AggregationError: two processes share some of their devices but not all: they cannot be told apart.
    """
    missing = _not_measured(processes)
    if missing is not None:
        return missing, ()
    counted: dict[tuple[str, frozenset[str]], int] = {}
    shared = []
    for rank, process in enumerate(processes):
        first = _first_on_the_same(counted, process, rank)
        if first == rank:
            counted[process.facts.host, devices_of(process)] = rank
        else:
            shared.append(
                f"device_counted_once: ranks {first} and {rank} read the same meter "
                f"({', '.join(sorted(devices_of(process)))}); it is counted once, for rank {first}"
            )
    return _summed([processes[rank] for rank in counted.values()]), tuple(shared)


def devices_of(process: ProcessResult) -> frozenset[str]:
    """What a process's meter covers."""
    return frozenset(process.result.energy.per_device_j or MACHINE)


def _first_on_the_same(counted: dict[tuple[str, frozenset[str]], int], process: ProcessResult, rank: int) -> int:
    """The rank that already counted these devices; the process's own when none did."""
    mine = devices_of(process)
    for (host, devices), other in counted.items():
        if host != process.facts.host or not devices & mine:
            continue
        if not mine <= devices:
            raise AggregationError(
                f"ranks {other} and {rank} share {', '.join(sorted(devices & mine))} but not all their devices: their energy "
                "cannot be told apart; give each process devices of its own"
            )
        return other
    return rank


_NOTHING: dict[str, Any] = {
    "energy_j": None, "per_device_j": None, "method": None, "uncertainty_j": None, "uncertainty_parts_j": {},
    "crosscheck_j": None, "crosscheck_uncertainty_j": None, "domains": (),
}  # fmt: skip


def _not_measured(processes: Sequence[ProcessResult]) -> EnergyReading | None:
    """A reading without joules that names who has none and why; None when all have them."""
    readings = [one.result.energy for one in processes]
    reasons = {rank: reading.reason for rank, reading in enumerate(readings) if reading.energy_j is None}
    if not reasons:
        return None
    distinct = each_once(reasons.values())
    if len(reasons) == len(readings) and len(distinct) == 1:
        told = distinct[0]
    else:
        first = {reason: rank for rank, reason in reversed(reasons.items())}
        told = "; ".join(f"rank {first[reason]}: {reason}" for reason in distinct)
    return readings[0].model_copy(update=_NOTHING | {"reason": told})


def _summed(processes: Sequence[ProcessResult]) -> EnergyReading:
    """Gains of cards of one kind may be the same and add up; other parts of the uncertainty are independent."""
    readings = [one.result.energy for one in processes]
    names = sorted({name for reading in readings for name in reading.uncertainty_parts_j})
    parts = {name: [one.uncertainty_parts_j.get(name, 0.0) for one in readings] for name in names}
    sums = {name: math.fsum(values) if name == "gain" else math.hypot(*values) for name, values in parts.items()}
    return readings[0].model_copy(
        update={
            "energy_j": math.fsum(one.energy_j or 0.0 for one in readings),
            "per_device_j": all_or_none([one.per_device_j for one in readings], _merged),
            "uncertainty_parts_j": sums,
            "uncertainty_j": all_or_none([one.uncertainty_j for one in readings], lambda all_: _whole(all_, sums)),
            "n_readings": min(one.n_readings for one in readings),
            "crosscheck_j": all_or_none([one.crosscheck_j for one in readings], math.fsum),
            "crosscheck_uncertainty_j": all_or_none(
                [one.crosscheck_uncertainty_j for one in readings], lambda found: math.hypot(*found)
            ),
            "domains": tuple(_summed_domains(processes)),
            "problems": each_once(chain.from_iterable(one.problems for one in readings)),
        }
    )


def _whole(uncertainties_j: Sequence[float], parts: dict[str, float]) -> float:
    """From its parts where they are told; else every process's may err the same way."""
    return math.hypot(*parts.values()) if parts else math.fsum(uncertainties_j)


def _merged(mappings: Sequence[dict[str, float]]) -> dict[str, float]:
    return dict(chain.from_iterable(mapping.items() for mapping in mappings))


def _summed_domains(processes: Sequence[ProcessResult]) -> Iterator[EnergyDomain]:
    """GPUs of all; CPU and RAM of each machine once, as every process on it reads the whole of them."""
    for domain in processes[0].result.energy.domains:
        by_meter: dict[str, float] = {}
        for rank, process in enumerate(processes):
            meter = f"{rank}" if domain.name.startswith("gpu") else process.facts.host
            for one in process.result.energy.domains:
                if one.name == domain.name:
                    by_meter.setdefault(meter, one.energy_j)
        yield domain.model_copy(update={"energy_j": math.fsum(by_meter.values())})


def combined_baseline(processes: Sequence[ProcessResult]) -> BaselineResult:
    """Idle power of all devices: the sum, each machine's or device's once; None when one was not measured."""
    by_device: dict[tuple[str, frozenset[str]], BaselineResult] = {}
    for rank, one in enumerate(processes):
        baseline = one.result.baseline
        if baseline.power_w is None:
            return baseline.model_copy(update={"reason": baseline.reason and f"rank {rank}: {baseline.reason}"})
        by_device.setdefault((one.facts.host, devices_of(one)), baseline)
    return processes[0].result.baseline.model_copy(
        update={
            "power_w": math.fsum(one.power_w or 0.0 for one in by_device.values()),
            "problems": each_once(chain.from_iterable(one.result.baseline.problems for one in processes)),
        }
    )
