"""Makes a reading from CodeCarbon's GPU, CPU and RAM energies, and marks which are measured, modelled and included."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from llenergymeasure.core.energy.uncertainty import TICK_S, plain_difference_parts
from llenergymeasure.domain.energy import EnergyDomain, EnergyReading

METER = "codecarbon"
MODELLED_CPU = "a model of the whole machine's load, not a sensor; its uncertainty is unknown"
MODELLED_RAM = "a constant of the installed memory, not part of the total"
# Without a usable energy counter it averages a power reading of about one per second.
POWER_READING_S = 1.0
# After these messages the joules of an interval are lost.
_LOST = ("Failed to retrieve power usage", "Unable to read RAPL value")


def reading_of(
    joules: Mapping[str, float | None],
    duration_s: float,
    gpus: Sequence[str],
    cpu_is_measured: bool,
    still_s: Mapping[str, float],
    logged: Sequence[str] = (),
) -> EnergyReading:
    """The reading of one window.

    The total is the energy of the GPUs if there are any, even when it was not measured; otherwise it is that of the CPU.

    Args:
        joules: energy in J of `gpu`, `cpu` and `ram` in the window; None when the measurements do not cover it.
        duration_s: length of the window in s.
        gpus: UUIDs of the GPUs that the experiment uses.
        cpu_is_measured: whether the CPU was read from counters.
        still_s: longest time in s in which the counter of a part did not advance.
        logged: warnings and errors that the library logged.
    """
    counted = "gpu" if gpus else "cpu"
    measured = bool(gpus) or cpu_is_measured
    domains = tuple(_domains(joules, gpus, cpu_is_measured))
    problems = tuple(f"codecarbon: {text}" for text in logged)
    energy_j = joules[counted]
    why_not = _why_not(counted, energy_j, duration_s, still_s[counted] if measured else 0.0, logged)
    if energy_j is None or why_not is not None:
        apart = tuple(domain for domain in domains if not domain.included)
        return EnergyReading(meter=METER, domains=apart, reason=why_not, problems=problems)
    parts = plain_difference_parts([energy_j], duration_s, _tick_s(logged)) if measured else {}
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


def _why_not(part: str, energy_j: float | None, duration_s: float, still_s: float, logged: Sequence[str]) -> str | None:
    """Why there is no valid total; None when there is one."""
    because = f"; it reported: {'; '.join(logged[:2])}" if logged else ""
    lost = next((text for text in logged if text.startswith(_LOST)), None)
    if lost is not None:
        return f"codecarbon lost joules of the window: {lost}"
    if energy_j is None:
        return f"the measurements of codecarbon do not cover the {duration_s:.2g} s of the window{because}"
    if energy_j <= 0:
        return f"codecarbon gave {energy_j:g} J for the {part}, which is impossible{because}"
    if still_s:
        return f"the {part} counter did not advance for {still_s:.2g} s in the window{because}"
    return None


def _tick_s(logged: Sequence[str]) -> float:
    return POWER_READING_S if any("counter" in text for text in logged) else TICK_S


def _domains(joules: Mapping[str, float | None], gpus: Sequence[str], cpu_is_measured: bool) -> Iterator[EnergyDomain]:
    gpu_j, cpu_j, ram_j = joules["gpu"], joules["cpu"], joules["ram"]
    if gpus and gpu_j:
        note = f"the sum of {len(gpus)} GPUs; codecarbon does not report them separately" if len(gpus) > 1 else None
        yield EnergyDomain(name="gpu", energy_j=gpu_j, provenance="measured", included=True, note=note)
    if cpu_j and cpu_is_measured:
        yield EnergyDomain(name="cpu", energy_j=cpu_j, provenance="measured", included=not gpus)
    elif cpu_j:
        yield EnergyDomain(name="cpu", energy_j=cpu_j, provenance="modelled", included=not gpus, note=MODELLED_CPU)
    if ram_j:
        yield EnergyDomain(name="ram", energy_j=ram_j, provenance="modelled", included=False, note=MODELLED_RAM)
