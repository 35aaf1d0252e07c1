"""Energy and idle power of several processes, with every device of every machine counted once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from llenergymeasure.domain.energy import BaselineResult, EnergyDomain, EnergyReading, HostEnergy
from llenergymeasure.domain.warnings import MeasurementWarning, warning
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.ranks.files import ProcessResult
from llenergymeasure.results.ranks.helpers import all_or_none, each_once
from llenergymeasure.results.ranks.rules import (
    Rules,
    Same,
    combined,
    distinct,
    given,
    least,
    left_out,
    metrics_in,
    most,
    of_rank_0,
    total,
    values,
)

# A meter that reports no devices covers its whole machine.
MACHINE = frozenset({"machine"})


def combined_energy(processes: Sequence[ProcessResult]) -> tuple[EnergyReading, tuple[MeasurementWarning, ...]]:
    """The sum in J with each device of each machine counted once, and a warning where processes shared a device.

    Raises:
        AggregationError: two processes share some but not all of their devices, so their energy is not separable.
    """
    missing = _not_measured(processes)
    if missing is not None:
        return missing, ()
    firsts = _first_ranks(processes)
    shared = (
        _counted_once(first, rank, devices_of(processes[rank])) for rank, first in enumerate(firsts) if first != rank
    )
    return _summed(processes, [processes[rank] for rank in sorted(set(firsts))]), tuple(shared)


def _first_ranks(processes: Sequence[ProcessResult]) -> list[int]:
    """Of each rank the one whose meter counts its devices: itself, or an earlier rank on the same devices."""
    counted: dict[tuple[str, frozenset[str]], int] = {}
    firsts = []
    for rank, process in enumerate(processes):
        firsts.append(_first_on_the_same(counted, process, rank))
        counted.setdefault((process.facts.host, devices_of(process)), firsts[-1])
    return firsts


def _counted_once(first: int, rank: int, devices: frozenset[str]) -> MeasurementWarning:
    return warning(
        "device_counted_once",
        f"ranks {first} and {rank} read the same meter ({', '.join(sorted(devices))}); it is counted once, for rank {first}",
        "give each process its own device",
        first_rank=first,
        rank=rank,
    )


def devices_of(process: ProcessResult) -> frozenset[str]:
    """The devices that a process's meter covers."""
    return frozenset(process.result.energy.per_device_j or MACHINE)


def _first_on_the_same(counted: dict[tuple[str, frozenset[str]], int], process: ProcessResult, rank: int) -> int:
    """The rank whose meter already counted these devices; the process's own rank when there is none."""
    own = devices_of(process)
    for (host, devices), other in counted.items():
        if host != process.facts.host or not devices & own:
            continue
        if not own <= devices:
            raise AggregationError(
                f"ranks {other} and {rank} share {', '.join(sorted(devices & own))} but not all their devices, so their "
                "energy is not separable; give each process its own devices"
            )
        return other
    return rank


# Values of the combined reading when one rank has no joules.
_NOTHING: dict[str, Any] = {
    "energy_j": None, "per_device_j": None, "method": None, "uncertainty_j": None, "uncertainty_parts_j": {},
    "crosscheck_j": None, "crosscheck_uncertainty_j": None, "domains": (),
}  # fmt: skip


def _parts(blocks: Sequence[EnergyReading], name: str) -> dict[str, float]:
    """Parts of the uncertainty: gain errors may be equal and add linearly; other parts are independent."""
    mappings = values(blocks, name)
    parts = {
        part: [one.get(part, 0.0) for one in mappings] for part in sorted({part for one in mappings for part in one})
    }
    return {part: math.fsum(found) if part == "gain" else math.hypot(*found) for part, found in parts.items()}


def _uncertainty(blocks: Sequence[EnergyReading], name: str) -> float | None:
    """Uncertainty from its parts where they are known; else the sum, because all ranks may err in the same direction."""
    parts = _parts(blocks, "uncertainty_parts_j")
    return all_or_none(values(blocks, name), lambda found: math.hypot(*parts.values()) if parts else math.fsum(found))


def _independent(blocks: Sequence[EnergyReading], name: str) -> float | None:
    return all_or_none(values(blocks, name), lambda found: math.hypot(*found))


ENERGY: Rules = {
    **metrics_in("energy"),
    "meter": Same("meter"),
    "per_device_j": given("CPUs of several machines have the same names"),
    "method": Same("energy method", where_known=True),
    "uncertainty_j": _uncertainty,
    "uncertainty_parts_j": _parts,
    "n_readings": least,
    "update_period_s": of_rank_0("the same kind of sensor on each"),
    "domains": given("GPUs of all; CPU and RAM of each machine once"),
    "host": given("the CPUs of each machine once"),
    "crosscheck_j": total,
    "crosscheck_uncertainty_j": _independent,
    "reason": left_out("there are joules"),
    "problems": distinct,
}


def _not_measured(processes: Sequence[ProcessResult]) -> EnergyReading | None:
    """A reading without joules, with the ranks that have none and their reasons; None when all have joules."""
    readings = [one.result.energy for one in processes]
    reasons = {rank: reading.reason for rank, reading in enumerate(readings) if reading.energy_j is None}
    if not reasons:
        return None
    why = each_once(reasons.values())
    if len(reasons) == len(readings) and len(why) == 1:
        reason = why[0]
    else:
        first = {reason: rank for rank, reason in reversed(reasons.items())}
        reason = "; ".join(f"rank {first[reason]}: {reason}" for reason in why)
    return combined(readings, ENERGY, _NOTHING | {"reason": reason, "host": _host_energy(processes)})


def _summed(processes: Sequence[ProcessResult], counted: Sequence[ProcessResult]) -> EnergyReading:
    """The sum of the counted readings, with the problems of all processes."""
    problems = {"problems": distinct([one.result.energy for one in processes], "problems")}
    apart = {
        "per_device_j": _per_device_j(counted),
        "domains": tuple(_summed_domains(counted)),
        "host": _host_energy(processes),
    }
    return combined([one.result.energy for one in counted], ENERGY, problems | apart)


def _per_device_j(counted: Sequence[ProcessResult]) -> dict[str, float] | None:
    """Energy in J of every device; None when one rank reports no devices.

    A name that devices of several machines have, such as `package-0`, gets the rank that measured it.
    """
    by_rank = {one.facts.rank: one.result.energy.per_device_j for one in counted}
    times = Counter(chain.from_iterable(found or () for found in by_rank.values()))
    if None in by_rank.values():
        return None
    return {
        f"{name} of rank {rank}" if times[name] > 1 else name: joules
        for rank, found in by_rank.items()
        for name, joules in (found or {}).items()
    }


HOST_ENERGY: Rules = {
    "energy_j": total,
    "uncertainty_j": _uncertainty,
    "uncertainty_parts_j": _parts,
    "domains": lambda blocks, name: tuple(chain.from_iterable(values(blocks, name))),
    "reason": lambda blocks, name: next(iter(each_once(filter(None, values(blocks, name)))), None),
}


def _host_energy(processes: Sequence[ProcessResult]) -> HostEnergy | None:
    """The CPUs of every machine, as its first rank measured them; None when a rank does not report them."""
    firsts = {one.facts.host: one.result.energy.host for one in reversed(processes)}
    hosts = [host for host in reversed(firsts.values()) if host is not None]
    if len(hosts) < len(firsts):
        return None
    found = combined(hosts, HOST_ENERGY)
    # A machine without a value leaves the others without a sum, and so without an uncertainty.
    return found if found.energy_j is not None else HostEnergy(reason=found.reason)


def _summed_domains(processes: Sequence[ProcessResult]) -> Iterator[EnergyDomain]:
    """GPUs of all ranks, and CPU and RAM of each machine once, because each process reads the whole machine's."""
    for domain in processes[0].result.energy.domains:
        by_meter: dict[str, float] = {}
        for rank, process in enumerate(processes):
            meter = f"{rank}" if domain.name.startswith("gpu") else process.facts.host
            for one in process.result.energy.domains:
                if one.name == domain.name:
                    by_meter.setdefault(meter, one.energy_j)
        yield domain.model_copy(update={"energy_j": math.fsum(by_meter.values())})


# Origins of idle power, in order of preference.
_PROVENANCE = ("fresh", "cached", "unavailable")


def _least_fresh(blocks: Sequence[BaselineResult], name: str) -> str:
    return _PROVENANCE[max(map(_PROVENANCE.index, values(blocks, name)))]


def _of_rank_0_if_all(blocks: Sequence[BaselineResult], name: str) -> Any:
    """The value of rank 0; None when one rank has none."""
    return all_or_none(values(blocks, name), lambda found: found[0])


BASELINE: Rules = {
    "power_w": total,
    "method": _of_rank_0_if_all,
    "provenance": _least_fresh,
    "timestamp": least,
    "age_sec": most,
    "duration_sec": least,
    "when": of_rank_0("it follows from the configuration"),
    "reason": left_out("there is an idle power"),
    "problems": distinct,
}


def combined_baseline(processes: Sequence[ProcessResult]) -> BaselineResult:
    """Idle power in W of all devices, each machine or device counted once; None when one was not measured.

    A reading without joules does not name its devices, so that they may be counted already.
    """
    every = [one.result.baseline for one in processes]
    for rank, baseline in enumerate(every):
        if baseline.power_w is None:
            return combined(every, BASELINE, {"reason": baseline.reason and f"rank {rank}: {baseline.reason}"})
    for rank, one in enumerate(processes):
        if one.result.energy.energy_j is None:
            why = f"rank {rank}: without joules it is not known which devices its idle power is of"
            return combined(every, BASELINE, {"power_w": None, "reason": why})
    counted = [every[rank] for rank in sorted(set(_first_ranks(processes)))]
    return combined(counted, BASELINE, {"problems": distinct(every, "problems")})
