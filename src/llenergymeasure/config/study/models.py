"""The configuration of a study: its cells, and how they are run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from typing_extensions import Self

from llenergymeasure.config.base import MOST_SECONDS, ConfigModel, FieldError, Flag, Integer, Number, effective
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.identity import design_hash, prompt_digests
from llenergymeasure.config.study.reference import reference_index

CycleOrder = Literal["shuffled", "interleaved", "sequential", "grouped"]
Isolation = Literal["process", "spawn", "none"]

# The pooled residuals of three cycles are enough for intervals; one cell has nothing to be compared with.
CYCLES, CYCLES_OF_ONE_CELL = 3, 1

# 30 days; null is no limit.
MOST_RUN_SECONDS = 30 * MOST_SECONDS

# GPUs slow down below 100 C, so a run would never wait for a larger distance.
MOST_CELSIUS = 100.0


class ExecutionConfig(ConfigModel):
    """How the cells of a study are run. It does not change what is measured."""

    n_cycles: Integer | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Number of cycles; each cycle measures every cell once.",
        json_schema_extra=effective("3; 1 for a single cell"),
    )
    cycle_order: CycleOrder = Field(
        "shuffled",
        description="Order of the runs. shuffled: each cycle in its own seeded order. interleaved: each cycle in the order of "
        "the cells. sequential: all cycles of a cell together. grouped: shuffled, with runs that load the same model in the "
        "same way together.",
    )
    shuffle_seed: Integer | None = Field(
        None, ge=0, lt=2**64, description="Seed of the order.", json_schema_extra=effective("from the design hash")
    )
    experiment_gap_seconds: Number | None = Field(
        None,
        ge=0,
        le=MOST_SECONDS,
        description="Pause between two runs in seconds.",
        json_schema_extra=effective("`execution.config_gap_seconds` of the user config"),
    )
    cycle_gap_seconds: Number | None = Field(
        None,
        ge=0,
        le=MOST_SECONDS,
        description="Pause between two cycles in seconds.",
        json_schema_extra=effective("`execution.cycle_gap_seconds` of the user config"),
    )
    cooldown_celsius: Number | None = Field(
        5.0,
        gt=0,
        le=MOST_CELSIUS,
        description="Before a run, wait until each GPU is within this distance of its temperature at the start of the study, "
        "in C; null = no wait.",
    )
    cooldown_max_seconds: Number = Field(
        600.0, ge=0, le=MOST_SECONDS, description="Maximum wait for this temperature in seconds."
    )
    experiment_timeout_seconds: Number | None = Field(
        None,
        gt=0,
        le=MOST_RUN_SECONDS,
        description="Time limit of a run in seconds.",
        json_schema_extra=effective("no limit"),
    )
    isolation: Isolation = Field(
        "process",
        description="process: each run in a process forked from a prepared one. spawn: each in a new interpreter. "
        "none: all in one process.",
    )
    control: Flag = Field(False, description="Also run the reference first and last in each cycle, to show drift.")


class SkippedCell(ConfigModel):
    """A combination of the sweep that cannot be measured."""

    fields: dict[str, Any] = Field(description="Its values by dotted field.")
    reason: str = Field(description="Why it cannot be measured, and what would be valid.")


class MergedCell(ConfigModel):
    """A combination that has the same effect as a cell."""

    fields: dict[str, Any] = Field(description="Its values by dotted field.")
    same_as: Integer = Field(ge=0, description="Index of the cell in `experiments`.")


class StudyConfig(ConfigModel):
    """The cells of a study, and how they are run."""

    name: str | None = Field(
        None, min_length=1, max_length=200, description="Name of the study.", json_schema_extra=effective("none")
    )
    experiments: tuple[ExperimentConfig, ...] = Field(description="The cells, in order, at least one.")
    execution: ExecutionConfig = Field(default_factory=ExecutionConfig, description="How the cells are run.")
    reference: dict[str, Any] | None = Field(
        None,
        description="Values by dotted field that select the cell with which the others are compared.",
        json_schema_extra=effective("the first cell"),
    )
    skipped: tuple[SkippedCell, ...] = Field((), description="Combinations of the sweep that cannot be measured.")
    merged: tuple[MergedCell, ...] = Field((), description="Combinations that have the same effect as a cell.")

    # `min_length` is not used: pydantic would count only the valid experiments and report two errors.
    @field_validator("experiments")
    @classmethod
    def _there_is_one(cls, value: tuple[ExperimentConfig, ...]) -> tuple[ExperimentConfig, ...]:
        if not value:
            raise FieldError("a study needs at least one experiment")
        return value

    @field_validator("name")
    @classmethod
    def _name_is_visible(cls, value: str | None) -> str | None:
        if value is not None and not (value.strip() and value.isprintable()):
            raise FieldError(f"{value!r} is not a valid name", "write printable characters on one line")
        return value

    @model_validator(mode="after")
    def _reference_is_one_cell(self) -> Self:
        reference_index(self.experiments, self.reference)
        return self

    @property
    def is_one_run(self) -> bool:
        """Whether it is one experiment, measured once."""
        return len(self.experiments) == 1 and self.n_cycles == 1 and not self.execution.control

    @property
    def without_effect(self) -> tuple[str, ...]:
        """The fields that were set and do nothing: a single experiment runs once, in this process, without waits."""
        unused = self.execution.model_fields_set - {"n_cycles", "control"} if self.is_one_run else ()
        return tuple(f"execution.{name}" for name in sorted(unused))

    @property
    def reference_cell(self) -> int:
        """Index of the cell with which the others are compared."""
        return reference_index(self.experiments, self.reference)

    @property
    def n_cycles(self) -> int:
        """Number of cycles: as configured, else 3, or 1 for a single cell."""
        return self.execution.n_cycles or (CYCLES if len(self.experiments) > 1 else CYCLES_OF_ONE_CELL)

    @property
    def study_design_hash(self) -> str:
        """16 hex digits over the cells, the reference, and the content of files of prompts; the same on every machine.

        Not over `execution`: more cycles of the same design have the same hash. Each access reads the files.
        """
        return self.hash_with(prompt_digests(self.experiments))

    def hash_with(self, prompts: Mapping[str, str]) -> str:
        """The design hash with these digests of its files of prompts."""
        cells = [each.config_hash for each in self.experiments]
        return design_hash(cells, cells[self.reference_cell], prompts)
