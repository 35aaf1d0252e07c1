"""Makes a reading from the ticks of the counters before and after a window."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from llenergymeasure.core.energy.by_counter import by_counter
from llenergymeasure.core.energy.device_energy import DeviceEnergy, combined_parts
from llenergymeasure.core.energy.rapl.log import ZoneLog
from llenergymeasure.core.energy.ticks import TICK_TIMEOUT_S, Tick
from llenergymeasure.core.sampling.cumulative_energy import variation_of
from llenergymeasure.core.sampling.power_integral import value_at
from llenergymeasure.core.sampling.updates import STALE_S, longest_standstill_s, tick_times
from llenergymeasure.domain.energy import EnergyDomain, EnergyReading
from llenergymeasure.exceptions import MeterError, ReadingFailed

NAME = "rapl"


@dataclass(frozen=True)
class Edges:
    """When the meter opened, the edges of the work in s, and the ticks of the counted zones on both sides, by name."""

    opened_s: float
    start_s: float
    end_s: float
    before: Mapping[str, Sequence[Tick]]
    after: Mapping[str, Sequence[Tick]]

    @property
    def period_s(self) -> float:
        """Median time in s between two ticks, of the slowest counter."""
        return max(median(_gaps([self.before[name], self.after[name]])) for name in self.before)


def reading_of(logs: Mapping[str, ZoneLog], edges: Edges) -> EnergyReading:
    """The reading of a window: the sum of the counted zones, or none with a reason when one of them failed."""
    found: dict[str, DeviceEnergy] = {}
    problems: list[str] = []
    for name in edges.before:
        try:
            found[name] = _energy(logs[name], edges)
        except MeterError as error:
            problems.append(f"{error}; {_until_then(logs[name], edges)}")
    if problems:
        others = tuple(f"{name} used {zone.energy_j:.4g} J" for name, zone in found.items())
        return EnergyReading(meter=NAME, reason="; ".join(problems), problems=others)
    parts = combined_parts(list(found.values()))
    return EnergyReading(
        meter=NAME,
        energy_j=math.fsum(zone.energy_j for zone in found.values()),
        per_device_j={name: zone.energy_j for name, zone in found.items()},
        method="counter",
        uncertainty_j=math.hypot(*parts.values()),
        uncertainty_parts_j=parts,
        n_readings=min(_updates(logs[name], edges) for name in found),
        update_period_s=edges.period_s,
        domains=tuple(_domains(logs, found, edges)),
    )


def _energy(log: ZoneLog, edges: Edges) -> DeviceEnergy:
    """The energy of one zone.

    Raises:
        ReadingFailed: its counter vanished, stopped, went backwards or did not tick at an edge.
    """
    name = log.zone.name
    before, after = edges.before[name], edges.after[name]
    why_not = _fault(log, edges)
    if why_not is None and (len(before) < 2 or len(after) < 2):
        why_not = f"did not advance for {TICK_TIMEOUT_S:g} s {'before' if len(before) < 2 else 'after'} the window"
    if why_not is not None:
        raise ReadingFailed(f"the energy counter of {name} {why_not}")
    outer = (before[0], before[-1]), (after[0], after[-1])
    energy = by_counter(*outer, edges.start_s, edges.end_s, None, _variation_w(before, after))
    # Each of the two values is rounded to a step: 2 x step / sqrt(12) x sqrt(2).
    rounding_j = 2 * log.zone.step_j / math.sqrt(6)
    # The counter is read at an unknown moment of the call.
    calls_j = 2 * log.slowest_s * math.hypot(*(early.power_w(late) for early, late in outer)) / math.sqrt(12)
    return replace(energy, parts_j={**energy.parts_j, "resolution": rounding_j, "reading": calls_j})


def _fault(log: ZoneLog, edges: Edges) -> str | None:
    """Why the counter is not usable for this window; None when it is."""
    if log.gone is not None:
        return log.gone
    faults = [text for time_s, text in log.faults if time_s >= edges.opened_s]
    if faults:
        return faults[0]
    still_s = longest_standstill_s(log.energy.between("energy_j", edges.start_s, edges.end_s))
    return f"did not advance for {still_s:.2g} s in the window" if still_s > STALE_S else None


def _updates(log: ZoneLog, edges: Edges) -> int:
    """Updates of a counter in the window, from their period at its edges, or those seen when it stood still for longer."""
    points = log.energy.between("energy_j", edges.start_s, edges.end_s)
    inside = [point for point in points if edges.start_s <= point[0] <= edges.end_s]
    # A decision: two periods without an update are a standstill. Updates of a working counter are less irregular than this.
    if longest_standstill_s(inside) > 2 * edges.period_s:
        return len(tick_times(inside))
    return int((edges.end_s - edges.start_s) / edges.period_s)


def _until_then(log: ZoneLog, edges: Edges) -> str:
    """A clause with the energy in J from the start of the window until the last valid sample."""
    faults = [time_s for time_s, _ in log.faults if time_s >= edges.opened_s]
    points = log.energy.between("energy_j", edges.start_s, edges.end_s)
    known = [point for point in points if not faults or point[0] < faults[0]]
    first_j = value_at(known, edges.start_s)
    rises = [now for before, now in zip(known, known[1:]) if now[1] > before[1] and now[0] > edges.start_s]
    if first_j is None or not rises:
        return "no part of the window was measured"
    last_s, last_j = rises[-1]
    whole_s = edges.end_s - edges.start_s
    return f"until then it used {last_j - first_j:.4g} J in {min(last_s - edges.start_s, whole_s):.3g} s of {whole_s:.3g} s"


def _domains(logs: Mapping[str, ZoneLog], found: Mapping[str, DeviceEnergy], edges: Edges) -> Iterator[EnergyDomain]:
    """Every zone: those of the total, and those that are shown beside it."""
    for name, log in logs.items():
        if name in found:
            yield EnergyDomain(name=name, energy_j=found[name].energy_j, provenance="measured", included=True)
        elif _fault(log, edges) is None and (energy_j := _plain_difference_j(log, edges)) is not None:
            note = "the platform, which contains the packages" if "/" not in name else "a part of the package"
            yield EnergyDomain(name=name, energy_j=energy_j, provenance="measured", included=False, note=note)


def _plain_difference_j(log: ZoneLog, edges: Edges) -> float | None:
    """The energy in J between the samples at the edges, without waiting for ticks; None when they do not cover it."""
    points = log.energy.between("energy_j", edges.start_s, edges.end_s)
    first_j, last_j = value_at(points, edges.start_s), value_at(points, edges.end_s)
    return None if first_j is None or last_j is None else last_j - first_j


def _variation_w(before: Sequence[Tick], after: Sequence[Tick]) -> float:
    """Standard deviation in W of the power between ticks on both sides of the window."""
    sides = [[early.power_w(late) for early, late in zip(ticks, ticks[1:])] for ticks in (before, after)]
    steps = [later - early for powers in sides for early, later in zip(powers, powers[1:])]
    return variation_of(steps, max(map(max, sides)))


def _gaps(sides: Sequence[Sequence[Tick]]) -> list[float]:
    return [late.time_s - early.time_s for ticks in sides for early, late in zip(ticks, ticks[1:])]
