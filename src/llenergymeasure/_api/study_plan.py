"""Plans a study without running it: cells, runs, waits, size on disk, and what it could show. Imports no torch."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from llenergymeasure._api.duration import duration
from llenergymeasure._api.executors import ExecutorOptions, checked_entry, gpus_for
from llenergymeasure._api.plan import check
from llenergymeasure._format import number
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.study.design import Factor, Protocol, Skipped, StudyDesign
from llenergymeasure.domain.study.left_out import left_out_notes
from llenergymeasure.domain.study.names import level_text
from llenergymeasure.domain.study.runs import PlannedRun
from llenergymeasure.launch.runners.choose import runner_notes
from llenergymeasure.orchestration.model.vram import estimate_for
from llenergymeasure.orchestration.notes import plan_notes
from llenergymeasure.study.analysis.planning import detectable_at
from llenergymeasure.study.design import design_of, protocol_of
from llenergymeasure.study.plan import fixed_waits, plan_runs

# Measured: result.json of a run has 26 kB; its journal lines, its rows in the tables and its log have 6 kB.
BYTES_PER_RUN = 32_000
MEGABYTE = 1e6

IN_THIS_PROCESS = ExecutorOptions()


class PlannedCell(Frozen):
    """A cell with its label, hash, and estimated memory on the device in MB; None when it is not known."""

    id: str
    label: str
    config_hash: str
    memory_mb: float | None


class PlannedWaits(Frozen):
    """Waits of all runs together in s, besides those for a temperature.

    Attributes:
        experiment_gaps_s: between the runs of a cycle.
        cycle_gaps_s: between cycles.
        thermal_floors_s: between warm-up and window of each run.
    """

    experiment_gaps_s: float
    cycle_gaps_s: float
    thermal_floors_s: float

    @property
    def gaps_s(self) -> float:
        """What `--no-gaps` saves."""
        return self.experiment_gaps_s + self.cycle_gaps_s


class StudyPlan(Frozen):
    """A study that would run.

    Attributes:
        name: its name; None when it has none.
        design_hash: hash of the design.
        factors: what varies.
        cells: the cells.
        reference: id of the reference cell.
        skipped, merged: combinations that are not measured, with reasons.
        protocol: how the runs would be made.
        n_runs: number of runs.
        waits: their waits.
        executor: executor that would hand out the cycles; None = one process makes the runs.
        n_groups: number of cycles that would run at the same time; None where it depends on the cluster.
        waits_of_group: waits of a device group; None where `n_groups` is.
        windows_s: least duration of all windows together in s, of the runs with `min_duration_seconds`.
        n_single_passes: runs without it, whose window is one pass over the prompts.
        size_mb: size of the folder in MB, without time series.
        detectable: the smallest ratio of two levels that would be found with probability 0.8, by coefficient of variation
            of a run; None with a single cycle or cell.
        notes: notes for the user that do not prevent the study.
        output_dir: directory of the results.
    """

    name: str | None
    design_hash: str
    factors: tuple[Factor, ...]
    cells: tuple[PlannedCell, ...]
    reference: str
    skipped: tuple[Skipped, ...]
    merged: tuple[Skipped, ...]
    protocol: Protocol
    n_runs: int
    waits: PlannedWaits
    executor: str | None
    n_groups: int | None
    waits_of_group: PlannedWaits | None
    windows_s: float
    n_single_passes: int
    size_mb: float
    detectable: dict[float, float | None]
    notes: tuple[str, ...]
    output_dir: str


def plan_study(
    study: StudyConfig,
    output_dir: Path | None = None,
    *,
    gaps: bool = True,
    executor: ExecutorOptions = IN_THIS_PROCESS,
) -> StudyPlan:
    """Check every cell and describe the study.

    Args:
        study: the configuration.
        output_dir: directory of the results; None = that of the user config.
        gaps: whether fixed gaps would be made.
        executor: how the cycles would be handed out.

    Raises:
        ConfigError: the user config or a variable cannot be understood, or the cycles cannot be handed out.
        PreFlightError: a cell cannot run here.
    """
    user, place = check(study.experiments, output_dir)
    design = design_of(study)
    protocol = protocol_of(study, design, user.execution, gaps=gaps)
    runs = plan_runs(design, protocol, range(1, protocol.n_cycles + 1))
    lengths_s = _least_lengths_s(design, runs)
    chosen = executor.with_settings(user.executor)
    n_groups = 1 if chosen is None else _groups(chosen, protocol, study.experiments)
    return StudyPlan(
        name=design.name,
        design_hash=design.design_hash,
        factors=design.factors,
        cells=tuple(_cells(design)),
        reference=design.reference,
        skipped=design.skipped,
        merged=design.merged,
        protocol=protocol,
        n_runs=len(runs),
        waits=_waits(design, protocol, runs),
        executor=None if chosen is None else chosen.name,
        n_groups=n_groups,
        waits_of_group=None if n_groups is None else _waits(design, protocol, _of_group(runs, n_groups)),
        windows_s=sum(lengths_s),
        n_single_passes=len(runs) - len(lengths_s),
        size_mb=len(runs) * BYTES_PER_RUN / MEGABYTE,
        detectable=detectable_at(design, protocol.n_cycles),
        notes=tuple(dict.fromkeys(note for cell in design.cells for note in _notes(cell.config, user))),
        output_dir=str(place),
    )


def _notes(config: ExperimentConfig, user: UserConfig) -> Iterator[str]:
    yield from runner_notes(config.backend, user, os.environ)
    yield from plan_notes(config, os.environ)


def _groups(chosen: ExecutorOptions, protocol: Protocol, experiments: Sequence[ExperimentConfig]) -> int | None:
    """How many cycles run at the same time; None where it depends on the cluster."""
    entry = checked_entry(chosen, protocol)
    gpus_for(chosen, experiments)
    if chosen.parallel is None and not entry.on_this_machine:
        return None
    return min(chosen.parallel or 1, protocol.n_cycles)


def _of_group(runs: Sequence[PlannedRun], n_groups: int) -> list[PlannedRun]:
    """The runs of the device group with the most cycles."""
    return [run for run in runs if (run.cycle - 1) % n_groups == 0]


def _cells(design: StudyDesign) -> Iterator[PlannedCell]:
    for cell in design.cells:
        memory_mb = estimate_for(cell.config, os.environ).total_mb
        yield PlannedCell(id=cell.id, label=cell.label, config_hash=cell.config_hash, memory_mb=memory_mb)


def _waits(design: StudyDesign, protocol: Protocol, runs: Sequence[PlannedRun]) -> PlannedWaits:
    fixed = fixed_waits(runs, protocol)
    counts = Counter(run.cell for run in runs)
    floors_s = (
        counts[cell.id] * cell.config.warmup.thermal_floor_seconds
        for cell in design.cells
        if cell.config.warmup.enabled
    )
    return PlannedWaits(
        experiment_gaps_s=fixed.experiment_gap_s, cycle_gaps_s=fixed.cycle_gap_s, thermal_floors_s=sum(floors_s)
    )


def _least_lengths_s(design: StudyDesign, runs: Sequence[PlannedRun]) -> list[float]:
    """The least duration of each window that has one."""
    cells = {cell.id: cell.config.min_duration_seconds for cell in design.cells}
    return [seconds for run in runs if (seconds := cells[run.cell]) is not None]


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
        yield f"  {cell.id}: {cell.label}{reference}; memory on the device {memory}"
    if len(plan.cells) > SHOWN_CELLS:
        yield f"  ... and {len(plan.cells) - SHOWN_CELLS} more, see --json"
    yield from left_out_notes(len(plan.cells), plan.skipped, plan.merged)
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
