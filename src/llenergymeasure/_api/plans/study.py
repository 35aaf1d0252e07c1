"""Plans a study without running it: cells, runs, waits, size on disk, and what it could show. Imports no torch."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from llenergymeasure._api.executors import ExecutorOptions, checked_entry, gpus_for
from llenergymeasure._api.plans.experiment import check
from llenergymeasure._api.plans.foreseen import PlannedServer, energies_of, servers_of
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.study.design import Factor, Protocol, Skipped, StudyDesign
from llenergymeasure.domain.study.runs import PlannedRun
from llenergymeasure.launch.runners.choose import runner_notes
from llenergymeasure.orchestration.foreseen import ForeseenEnergy
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
        rate_windows_s: about how long the windows of runs at an arrival rate take together in s; 0 without such runs.
        n_single_passes: runs without it, whose window is one pass over the prompts.
        size_mb: size of the folder in MB, without time series.
        detectable: the smallest ratio of two levels that would be found with probability 0.8, by coefficient of variation
            of a run; None with a single cycle or cell.
        energy: the meters that the cells would use, each case once; without cells that run in another environment.
        servers: the servers of the cells, in order.
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
    rate_windows_s: float
    n_single_passes: int
    size_mb: float
    detectable: dict[float, float | None]
    energy: tuple[ForeseenEnergy, ...]
    servers: tuple[PlannedServer, ...]
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
    chosen = executor.with_settings(user.executor)
    n_groups = 1 if chosen is None else _groups(chosen, protocol, study.experiments)
    return StudyPlan(
        **_grid(design),
        **_schedule(design, protocol, n_groups),
        executor=None if chosen is None else chosen.name,
        detectable=detectable_at(design, protocol.n_cycles),
        energy=energies_of(study.experiments, user, os.environ),
        servers=servers_of(cell.config for cell in design.cells),
        notes=tuple(dict.fromkeys(note for cell in design.cells for note in _notes(cell.config, user))),
        output_dir=str(place),
    )


def _grid(design: StudyDesign) -> dict[str, Any]:
    """The fields of the plan about the combinations of the study."""
    return {
        "name": design.name,
        "design_hash": design.design_hash,
        "factors": design.factors,
        "cells": tuple(_cells(design)),
        "reference": design.reference,
        "skipped": design.skipped,
        "merged": design.merged,
    }


def _schedule(design: StudyDesign, protocol: Protocol, n_groups: int | None) -> dict[str, Any]:
    """The fields of the plan about the runs: their number, their waits, their windows, and the size of their results."""
    runs = plan_runs(design, protocol, range(1, protocol.n_cycles + 1))
    lengths_s = _least_lengths_s(design, runs)
    return {
        "protocol": protocol,
        "n_runs": len(runs),
        "waits": _waits(design, protocol, runs),
        "n_groups": n_groups,
        "waits_of_group": None if n_groups is None else _waits(design, protocol, _of_group(runs, n_groups)),
        "windows_s": sum(lengths_s),
        "rate_windows_s": sum(_rate_lengths_s(design, runs)),
        "n_single_passes": len(runs) - len(lengths_s),
        "size_mb": len(runs) * BYTES_PER_RUN / MEGABYTE,
    }


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


def _rate_lengths_s(design: StudyDesign, runs: Sequence[PlannedRun]) -> Iterator[float]:
    """About the duration of each window in which requests arrive at a rate."""
    configs = {cell.id: cell.config for cell in design.cells}
    for config in (configs[run.cell] for run in runs):
        pass_s = config.traffic_settings.expected_seconds(config.n)
        if pass_s is not None:
            yield pass_s * max(1, math.ceil((config.min_duration_seconds or 0) / pass_s))
