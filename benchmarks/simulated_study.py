"""Simulated studies: cells with known means, measured in a known order with known noise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import CycleOrder
from llenergymeasure.domain.study.design import Cell, Factor, Protocol, StudyDesign
from llenergymeasure.domain.study.runs import RunRow

ENERGY = "energy_per_output_token"
Levels = Mapping[str, int]


def grid(levels: Mapping[str, Sequence[Any]], absent: Sequence[int] = ()) -> StudyDesign:
    """A design with all combinations of levels, except those at the places of `absent`.

    Args:
        levels: the levels by name of the factor; the first combination is the reference.
        absent: places of combinations, from 0, that are no cells.
    """
    combinations = [dict(zip(levels, places)) for places in product(*(range(len(each)) for each in levels.values()))]
    kept = [combination for place, combination in enumerate(combinations) if place not in absent]
    factors = tuple(Factor(name=name, fields=(name,), levels=tuple(each)) for name, each in levels.items())
    return design_of(factors, kept)


def design_of(factors: Sequence[Factor], cells: Sequence[Levels]) -> StudyDesign:
    """A design with these cells; the first one is the reference."""
    config = ExperimentConfig(model="simulated")
    values = {factor.name: factor.levels for factor in factors}
    made = [
        Cell(
            id=f"{number:02}",
            label=", ".join(f"{name}={values[name][level]}" for name, level in levels.items()),
            levels=dict(levels),
            config=config,
            config_hash="0" * 16,
        )
        for number, levels in enumerate(cells, 1)
    ]
    return StudyDesign(factors=tuple(factors), cells=tuple(made), reference=made[0].id, design_hash="0" * 16)


def protocol(n_cycles: int, order: CycleOrder = "shuffled") -> Protocol:
    """A protocol without waits."""
    return Protocol(
        n_cycles=n_cycles, order=order, seed=1, isolation="process", experiment_gap_s=0, cycle_gap_s=0,
        cooldown_celsius=None, cooldown_max_s=0, timeout_s=None, control=False,
    )  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """How runs deviate from the true mean of their cell, on the log scale.

    Attributes:
        cv: deviation of a run.
        of_cycles: deviation between cycles, such as between GPUs.
        of_groups: deviation between the groups of a grouped order.
        drift: change from the first to the last run of the study.
        outliers: share of runs that are higher by `outlier`.
        outlier: how much they are higher.
        lost: share of runs without a result.
    """

    cv: float = 0.02
    of_cycles: float = 0.0
    of_groups: float = 0.0
    drift: float = 0.0
    outliers: float = 0.0
    outlier: float = math.log(1.3)
    lost: float = 0.0


@dataclass
class Simulation:
    """Runs of a design on a machine.

    Attributes:
        design: the cells.
        true_log: the true log of a cell's energy per token, from its levels.
        machine: the noise.
        n_cycles: number of cycles.
        order: order of the runs.
        grouped: names of the factors that a grouped order keeps together.
        lost: ids of runs without a result, such as `03.c1`.
    """

    design: StudyDesign
    true_log: Callable[[Levels], float] = lambda levels: 0.0
    machine: Machine = field(default_factory=Machine)
    n_cycles: int = 3
    order: CycleOrder = "shuffled"
    grouped: Sequence[str] = ()
    lost: frozenset[str] = frozenset()

    def rows(self, chance: random.Random) -> list[RunRow]:
        """The runs of one study, in their order."""
        planned = self._planned(chance)
        cycles = [chance.gauss(0, self.machine.of_cycles) for _ in range(self.n_cycles)]
        groups: dict[tuple[int, tuple[int, ...]], float] = {}
        rows = []
        for place, (cycle, cell) in enumerate(planned):
            group = groups.setdefault((cycle, self._group(cell)), chance.gauss(0, self.machine.of_groups))
            log = self.true_log(cell.levels) + cycles[cycle] + group + self._noise(chance, place / len(planned))
            rows.append(run_row(cell.id, cycle + 1, place + 1, {ENERGY: math.exp(log)}))
        return [row for row in rows if row.run_id not in self.lost and chance.random() >= self.machine.lost]

    def _planned(self, chance: random.Random) -> list[tuple[int, Cell]]:
        if self.order == "sequential":
            return [(cycle, cell) for cell in self.design.cells for cycle in range(self.n_cycles)]
        return [(cycle, cell) for cycle in range(self.n_cycles) for cell in self._one_cycle(chance)]

    def _one_cycle(self, chance: random.Random) -> list[Cell]:
        cells = list(self.design.cells)
        if self.order == "interleaved":
            return cells
        chance.shuffle(cells)
        places = {group: chance.random() for group in sorted({self._group(cell) for cell in cells})}
        return sorted(cells, key=lambda cell: places[self._group(cell)]) if self.order == "grouped" else cells

    def _group(self, cell: Cell) -> tuple[int, ...]:
        return tuple(cell.levels[name] for name in self.grouped)

    def _noise(self, chance: random.Random, time: float) -> float:
        machine = self.machine
        rare = machine.outlier if chance.random() < machine.outliers else 0.0
        return chance.gauss(0, machine.cv) + rare + machine.drift * (1 - time)


def run_row(cell: str, cycle: int, place: int, values: Mapping[str, float | None], **more: Any) -> RunRow:
    """A completed run, with energy by NVML."""
    known = {"state": "completed", "attempt": 1, "block": f"c{cycle}", "meter": "nvml"}
    return RunRow(
        run_id=f"{cell}.c{cycle}", place=place, cell=cell, cycle=cycle, values=dict(values), **{**known, **more}
    )
