"""The plan of a study in plain text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from llenergymeasure._api.duration import duration
from llenergymeasure._api.plans.foreseen import energy_line, server_lines
from llenergymeasure._api.plans.study import StudyPlan
from llenergymeasure._format import number
from llenergymeasure.domain.study.design import Protocol
from llenergymeasure.domain.study.left_out import left_out_notes
from llenergymeasure.domain.study.names import level_text

# A larger ratio is no useful plan; one above the second is written as a multiple.
LARGEST_RATIO, LARGEST_IN_PERCENT = 10.0, 2.0
# Longer lists are cut; the JSON has all.
SHOWN_CELLS = 40


def plan_text(plan: StudyPlan) -> str:
    """The plan for people."""
    return "\n".join(_lines(plan))


def _lines(plan: StudyPlan) -> Iterator[str]:
    yield f"study {plan.design_hash}" + (f": {plan.name}" if plan.name else "")
    for factor in plan.factors:
        within = f" (of {factor.within})" if factor.within else ""
        yield f"  {factor.name}{within}: {', '.join(map(level_text, factor.levels))}"
    yield f"{len(plan.cells)} cells"
    for cell in plan.cells[:SHOWN_CELLS]:
        reference = ", reference" if cell.id == plan.reference else ""
        memory = "unknown" if cell.memory_mb is None else f"about {number(cell.memory_mb, 'MB')}"
        on_device = "" if plan.servers and cell.memory_mb is None else f"; memory on the device {memory}"
        yield f"  {cell.id}: {cell.label}{reference}{on_device}"
    if len(plan.cells) > SHOWN_CELLS:
        yield f"  ... and {len(plan.cells) - SHOWN_CELLS} more, see --json"
    yield from left_out_notes(len(plan.cells), plan.skipped, plan.merged)
    yield from server_lines(plan.servers)
    yield from map(energy_line, plan.energy)
    yield from _runs(plan)
    yield from _detectable(plan)
    yield from (f"note: {note}" for note in plan.notes)
    yield f"results would go to: {plan.output_dir}, about {number(plan.size_mb, 'MB')}"
    yield "nothing was run and nothing was written"


def _runs(plan: StudyPlan) -> Iterator[str]:
    protocol, waits = plan.protocol, plan.waits
    control = ", with control runs of the reference" if protocol.control else ""
    yield f"{plan.n_runs} runs: {protocol.n_cycles} cycles, order {protocol.order}, seed {protocol.seed}{control}"
    yield (
        f"waits: {duration(waits.gaps_s + waits.thermal_floors_s)} (between runs {duration(waits.experiment_gaps_s)}, "
        f"between cycles {duration(waits.cycle_gaps_s)}, between warm-up and window {duration(waits.thermal_floors_s)})"
    )
    yield from _parallel(plan)
    if waits.gaps_s:
        yield f"  --no-gaps saves {duration(waits.gaps_s)}; {_cool_down(protocol)}"
    yield from _windows(plan)


def _parallel(plan: StudyPlan) -> Iterator[str]:
    """What the waits are where cycles run at the same time."""
    if plan.executor is None:
        return
    waits = plan.waits_of_group
    if waits is None or plan.n_groups is None:
        yield (
            f"executor {plan.executor}: up to {plan.protocol.n_cycles} cycles at the same time, as the cluster has free resources; "
            "a dry run does not ask the cluster"
        )
        return
    cycles = math.ceil(plan.protocol.n_cycles / plan.n_groups)
    yield (
        f"executor {plan.executor}: {plan.n_groups} cycles at the same time, at most {cycles} per device group; waits of a group: "
        f"{duration(waits.gaps_s + waits.thermal_floors_s)}; each cycle begins with the start of a worker, which takes some seconds"
    )


def _windows(plan: StudyPlan) -> Iterator[str]:
    if plan.windows_s:
        yield f"windows: at least {duration(plan.windows_s)} together"
    if plan.rate_windows_s:
        yield (
            f"windows at a rate: about {duration(plan.rate_windows_s)} together; each run also has the start of its server, "
            "warm-up, ramp-up and drain"
        )
    if plan.n_single_passes:
        yield (
            f"windows of {plan.n_single_passes} runs: one pass over the prompts; if that is too short for the energy meter, "
            "set min_duration_seconds"
        )


def _cool_down(protocol: Protocol) -> str:
    if protocol.cooldown_celsius is None:
        return "set execution.cooldown_celsius, so that each run on a GPU still waits until it is cool"
    return f"each run on a GPU still waits until it is within {protocol.cooldown_celsius:g} C of its first temperature"


def _detectable(plan: StudyPlan) -> Iterator[str]:
    found = {cv: ratio for cv, ratio in plan.detectable.items() if ratio is not None}
    if not found:
        yield "one cycle or one cell shows no differences: run at least 3 cycles of several cells"
        return
    parts = (f"{_difference(ratio)} at CV {100 * cv:g} %" for cv, ratio in found.items())
    yield f"smallest differences that would be found, by coefficient of variation (CV) of a run: {', '.join(parts)}"


def _difference(ratio: float) -> str:
    if ratio > LARGEST_RATIO:
        return f"above {LARGEST_RATIO:g} times"
    return f"{100 * (ratio - 1):.2g} %" if ratio < LARGEST_IN_PERCENT else f"{ratio:.2g} times"
