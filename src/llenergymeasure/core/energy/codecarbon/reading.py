"""A reading from the parts that CodeCarbon reports: which are measured, which are modelled, and which count."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from llenergymeasure.core.energy.uncertainty import TICK_S, plain_difference_parts
from llenergymeasure.domain.measurements import EnergyDomain, EnergyReading

METER = "codecarbon"
MODELLED_CPU = "a model of the whole machine's load, not a sensor; its uncertainty is unknown"
MODELLED_RAM = "a constant of the installed memory, never part of the total"
# Without a usable energy counter it averages a power reading of about one per second.
POWER_READING_S = 1.0
# After these the joules of an interval are missing for good.
_LOST = ("Failed to retrieve power usage", "Unable to read RAPL value")


def reading_of(
    joules: Mapping[str, float | None],
    duration_s: float,
    gpus: Sequence[str],
    cpu_is_measured: bool,
    still_s: Mapping[str, float],
    said: Sequence[str] = (),
) -> EnergyReading:
    """The reading of one window.

    The total is the GPUs' when there are any, measured or not: a modelled CPU would be no substitute. Else it is the CPU's.

    Args:
        joules: of `gpu`, `cpu` and `ram` in the window; None when the measurements do not cover it.
        duration_s: length of the window.
        gpus: uuids of the GPUs that the experiment uses.
        cpu_is_measured: whether the CPU was read from counters.
        still_s: longest time in which a part used nothing.
        said: what the library complained about.
    """
    counted = "gpu" if gpus else "cpu"
    measured = bool(gpus) or cpu_is_measured
    domains = tuple(_domains(joules, gpus, cpu_is_measured))
    problems = tuple(f"codecarbon: {text}" for text in said)
    energy_j = joules[counted]
    why_not = _why_not(counted, energy_j, duration_s, still_s[counted] if measured else 0.0, said)
    if energy_j is None or why_not is not None:
        apart = tuple(domain for domain in domains if not domain.included)
        return EnergyReading(meter=METER, domains=apart, reason=why_not, problems=problems)
    parts = plain_difference_parts([energy_j], duration_s, _tick_s(said)) if measured else {}
    return EnergyReading(
        meter=METER,
        energy_j=energy_j,
        per_device_j={gpus[0]: energy_j} if len(gpus) == 1 else None,
        method="sampled" if measured else "estimated",
        uncertainty_j=math.hypot(*parts.values()) if measured else None,
        uncertainty_parts_j=parts,
        domains=domains,
        problems=problems,
    )


def _why_not(part: str, energy_j: float | None, duration_s: float, still_s: float, said: Sequence[str]) -> str | None:
    """Why the total is not to be had; None when it is."""
    because = f"; it says: {'; '.join(said[:2])}" if said else ""
    lost = next((text for text in said if text.startswith(_LOST)), None)
    if lost is not None:
        return f"codecarbon lost joules of the window: {lost}"
    if energy_j is None:
        return f"codecarbon measured nothing that covers the {duration_s:.2g} s of the window{because}"
    if energy_j <= 0:
        return f"codecarbon gave {energy_j:g} J for the {part}, which is no reading{because}"
    if still_s:
        return f"the {part} counter stood still for {still_s:.2g} s in the window{because}"
    return None


def _tick_s(said: Sequence[str]) -> float:
    return POWER_READING_S if any("counter" in text for text in said) else TICK_S


def _domains(joules: Mapping[str, float | None], gpus: Sequence[str], cpu_is_measured: bool) -> Iterator[EnergyDomain]:
    gpu_j, cpu_j, ram_j = joules["gpu"], joules["cpu"], joules["ram"]
    if gpus and gpu_j:
        note = f"the sum of {len(gpus)} GPUs; codecarbon does not tell them apart" if len(gpus) > 1 else None
        yield EnergyDomain(name="gpu", energy_j=gpu_j, provenance="measured", included=True, note=note)
    if cpu_j and cpu_is_measured:
        yield EnergyDomain(name="cpu", energy_j=cpu_j, provenance="measured", included=not gpus)
    elif cpu_j:
        yield EnergyDomain(name="cpu", energy_j=cpu_j, provenance="modelled", included=not gpus, note=MODELLED_CPU)
    if ram_j:
        yield EnergyDomain(name="ram", energy_j=ram_j, provenance="modelled", included=False, note=MODELLED_RAM)
