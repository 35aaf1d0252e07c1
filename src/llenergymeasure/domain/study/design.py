"""The design of a study: factors, cells, and the protocol by which the cells are measured."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from pydantic import Field

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import CycleOrder, Isolation
from llenergymeasure.domain.base import Frozen


class Factor(Frozen):
    """A choice that varies between cells.

    Attributes:
        name: dotted name of its field; names of fields that change together are joined by `, `.
        fields: the dotted fields.
        levels: the values that occur, in order of first appearance; of several fields, a tuple of their values.
        within: the backend in whose section it is; None where it applies to every cell.
    """

    name: str
    fields: tuple[str, ...]
    levels: tuple[Any, ...]
    within: str | None = None


class Cell(Frozen):
    """One configuration of a study.

    Attributes:
        id: its number in the order of the study, from 1, padded with zeros.
        label: its levels as text: `precision bf16, batch_size 8`; the model when nothing varies.
        levels: index of its level of each factor, by name of the factor; a factor that does not apply is absent.
        config: the experiment.
        config_hash: hash of the experiment.
    """

    id: str
    label: str
    levels: dict[str, int]
    config: ExperimentConfig
    config_hash: str


class Skipped(Frozen):
    """A combination of the sweep that is not measured.

    Attributes:
        fields: its values by dotted field.
        reason: why it cannot be measured, or which cell it equals.
    """

    fields: dict[str, Any]
    reason: str


class StudyDesign(Frozen):
    """What a study measures. Adding cycles does not change it.

    Attributes:
        name: name of the study; None when it was not named.
        factors: what varies.
        cells: the configurations.
        reference: id of the cell with which the others are compared.
        skipped: combinations that cannot be measured.
        merged: combinations that are equal to a cell.
        design_hash: 16 hex digits over cells, reference and prompts.
        prompts: SHA-256 of each file of prompts, by its path as it is configured.
    """

    name: str | None = None
    factors: tuple[Factor, ...] = ()
    cells: tuple[Cell, ...] = Field(min_length=1)
    reference: str
    skipped: tuple[Skipped, ...] = ()
    merged: tuple[Skipped, ...] = ()
    design_hash: str
    prompts: dict[str, str] = {}

    def cell(self, cell_id: str) -> Cell:
        """The cell of an id."""
        return self._by_id[cell_id]

    @cached_property
    def _by_id(self) -> dict[str, Cell]:
        return {cell.id: cell for cell in self.cells}


class Protocol(Frozen):
    """How the runs of a study are made.

    Attributes:
        n_cycles: number of cycles; each measures every cell once.
        order: order of the runs.
        seed: seed of the order.
        isolation: `process` = each run in a process forked from a prepared one, `spawn` = each in a new interpreter,
            `none` = all in one process.
        experiment_gap_s: wait before each run of a cycle, except the first, in s.
        cycle_gap_s: wait before each cycle, except the first, in s.
        cooldown_celsius: a run waits until each GPU is within this distance of its temperature at the start; None = no wait.
        cooldown_max_s: longest wait for a temperature, in s.
        timeout_s: longest duration of a run in s; None = no limit.
        control: whether the reference also runs first and last in each cycle.
    """

    n_cycles: int
    order: CycleOrder
    seed: int
    isolation: Isolation
    experiment_gap_s: float
    cycle_gap_s: float
    cooldown_celsius: float | None
    cooldown_max_s: float
    timeout_s: float | None
    control: bool

    def differences(self, other: Protocol) -> dict[str, Any]:
        """The settings of the other protocol that differ and affect runs; the number of cycles and the time limit do not."""
        own, others = self.model_dump(), other.model_dump()
        return {
            name: value
            for name, value in others.items()
            if name not in ("n_cycles", "timeout_s") and own[name] != value
        }
