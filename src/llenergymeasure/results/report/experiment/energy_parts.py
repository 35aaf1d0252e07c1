"""Energy by part of the machine, by device, by phase, and idle against above idle; unknown parts are left out."""

from __future__ import annotations

from collections.abc import Iterator

from llenergymeasure._format import number
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.results.report.experiment.gpus import Gpus
from llenergymeasure.results.report.figures.energy import Parts


def energy_parts(result: ExperimentResult) -> Iterator[Parts]:
    """The energy of the window in parts."""
    yield from _machine(result)
    if result.energy_per_device_j:
        yield _devices(result, result.energy_per_device_j)
    yield from _phases(result)
    yield from _idle(result)


def _machine(result: ExperimentResult) -> Iterator[Parts]:
    parts = [
        (f"{one.name}, {one.provenance}{'' if one.included else ', not in total'}", one.energy_j, one.provenance)
        for one in result.energy.domains
    ]
    if result.host_energy_j is not None:
        parts.append(("CPUs of the host, measured, not in total", result.host_energy_j, "measured"))
    if parts:
        yield Parts("Parts of the machine", "Energy of the window by part of the machine.", parts)


def _devices(result: ExperimentResult, per_device_j: dict[str, float]) -> Parts:
    gpus = Gpus(result)
    parts = [(gpus.with_uuid(uuid), energy_j, "measured") for uuid, energy_j in per_device_j.items()]
    known = any(gpu.uuid in per_device_j for gpu in result.environment_snapshot.gpus)
    uuids = " The UUIDs are in the section on the environment." if known else ""
    return Parts("Devices", f"Energy of the window by device.{uuids}", parts)


def _phases(result: ExperimentResult) -> Iterator[Parts]:
    split = result.phase_energy
    if split is None or split.prefill_j is None or split.decode_j is None:
        return
    parts = [
        (f"prefill{_spread(split.prefill_uncertainty_j)}", split.prefill_j, "prefill"),
        (f"decode{_spread(split.decode_uncertainty_j)}", split.decode_j, "decode"),
    ]
    caption = "Energy of the window by phase."
    if split.prefill_uncertainty_j is not None:
        caption += " After ±: the expanded uncertainty, k = 2."
    yield Parts("Prefill and decode", caption, parts)


def _spread(energy_j: float | None) -> str:
    return "" if energy_j is None else f" ± {number(energy_j, 'J', 2)}"


def _idle(result: ExperimentResult) -> Iterator[Parts]:
    if result.energy_adjusted_j is None or result.baseline_power_w is None:
        return
    idle_j = result.baseline_power_w * result.duration_sec
    caption = f"Idle power of {number(result.baseline_power_w, 'W')} over the window, and the rest."
    kind = "measured" if result.energy.is_measured else "modelled"
    estimate = ", an estimate" if result.energy_method == "estimated" else ""
    parts = [("idle", idle_j, "idle"), (f"above idle{estimate}", result.energy_adjusted_j, kind)]
    yield Parts("Idle and above", caption, parts)
