"""The run table of a study: every run in its order, made before the first run and not changed afterwards."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from llenergymeasure.config.hashing import without_unset
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.study.design import Protocol, StudyDesign
from llenergymeasure.domain.study.runs import PlannedRun, RunRow
from llenergymeasure.study.order import order_of, with_controls

# Fields that decide what is loaded, and how. Other fields of a backend's section may also do so and count as such.
_LOADED = ("model", "backend", "precision", "lora", "pytorch", "vllm", "tensorrt", "server")
_NOT_LOADED = ("batch_size", "batching_strategy", "prompt_lookup_num_tokens", "use_cache", "cache_implementation")


def plan_runs(
    design: StudyDesign, protocol: Protocol, cycles: Sequence[int], first_place: int = 1
) -> tuple[PlannedRun, ...]:
    """The runs of some cycles in their order.

    Args:
        design: the cells.
        protocol: kind and seed of the order.
        cycles: numbers of the cycles, from 1.
        first_place: place of the first run.
    """
    cells = [cell.id for cell in design.cells]
    groups = {cell.id: loads(cell.config) for cell in design.cells}
    places = list(order_of(protocol.order, cells, cycles, protocol.seed, groups))
    if protocol.control:
        places = list(with_controls(places, design.reference))
    return tuple(
        PlannedRun(place=place, cell=cell, cycle=cycle, role=role, config_hash=design.cell(cell).config_hash)
        for place, (cell, cycle, role) in enumerate(places, first_place)
    )


def loads(config: ExperimentConfig) -> str:
    """What an experiment loads, as text; equal for experiments that load the same model in the same way."""
    fields = without_unset(config.model_dump(mode="json", include=set(_LOADED)))
    section = {name: value for name, value in fields.get(config.backend, {}).items() if name not in _NOT_LOADED}
    return json.dumps({**fields, config.backend: section}, sort_keys=True)


def block_name(cycle: int, environment: int) -> str:
    """The block of a run: its cycle, on one environment; the first environment is not named."""
    return f"cycle {cycle}" if environment == 0 else f"cycle {cycle}, environment {environment + 1}"


def unused_block(first: str, used: Collection[str]) -> str:
    """A name for the runs of a cycle that cannot be in one of its blocks.

    Args:
        first: the name that the block has when it is not used.
        used: the blocks of other runs.
    """
    name, number = first, 0
    while name in used:
        number += 1
        name = f"{first}, started again" + (f" {number}" if number > 1 else "")
    return name


def pending_row(run: PlannedRun) -> RunRow:
    """The row of a run that has not begun."""
    return RunRow(
        run_id=str(run.run_id()), place=run.place, cell=run.cell, cycle=run.cycle, role=run.role,
        block=block_name(run.cycle, 0),
    )  # fmt: skip


@dataclass(frozen=True)
class FixedWaits:
    """The fixed waits of a run table.

    Attributes:
        experiment_gap_s: sum of the waits between runs of a cycle, in s.
        cycle_gap_s: sum of the waits between cycles, in s.
    """

    experiment_gap_s: float
    cycle_gap_s: float


def gap_before(previous: PlannedRun | RunRow | None, run: PlannedRun | RunRow, protocol: Protocol) -> float:
    """The fixed wait before a run in s: none before the first; between cycles another one than inside a cycle."""
    if previous is None:
        return 0.0
    return protocol.cycle_gap_s if begins_cycle(previous, run, protocol) else protocol.experiment_gap_s


def begins_cycle(previous: PlannedRun | RunRow, run: PlannedRun | RunRow, protocol: Protocol) -> bool:
    """Whether a run is the first of a cycle; a sequential order has no cycles in time."""
    return protocol.order != "sequential" and previous.cycle != run.cycle


def fixed_waits(runs: Sequence[PlannedRun], protocol: Protocol) -> FixedWaits:
    """All fixed waits of a run table."""
    pairs = list(zip(runs, runs[1:]))
    changes = sum(begins_cycle(before, after, protocol) for before, after in pairs)
    return FixedWaits((len(pairs) - changes) * protocol.experiment_gap_s, changes * protocol.cycle_gap_s)
