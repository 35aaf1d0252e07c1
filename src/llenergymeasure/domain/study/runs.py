"""The runs of a study: one row each, planned before the first run and kept up to date."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.energy import EnergyMethod, EnergySource, source_of
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.warnings import RuleState
from llenergymeasure.exceptions import FailureKind

RunState = Literal["pending", "running", "completed", "failed", "interrupted", "skipped"]
Role = Literal["cell", "control_first", "control_last"]
# Failures that would repeat in a later cycle, so the cell is not tried again.
LASTING: frozenset[FailureKind] = frozenset({"invalid", "out_of_memory"})


class RunId(Frozen):
    """Identity of a run. As text: `03.c1`, a second attempt `03.c1.a2`, a control run `03.c1.first`.

    Attributes:
        cell: id of the cell.
        cycle: number of the cycle, from 1.
        role: whether it is a run of the grid, or a control run of the reference.
        attempt: number of the attempt, from 1.
    """

    cell: str
    cycle: int = Field(ge=1)
    role: Role = "cell"
    attempt: int = Field(1, ge=1)

    def __str__(self) -> str:
        part = {"cell": "", "control_first": ".first", "control_last": ".last"}[self.role]
        again = f".a{self.attempt}" if self.attempt > 1 else ""
        return f"{self.cell}.c{self.cycle}{part}{again}"


class PlannedRun(Frozen):
    """One row of the run table.

    Attributes:
        place: its position in the order of all runs, from 1.
        cell: id of the cell.
        cycle: number of the cycle, from 1.
        role: whether it is a run of the grid, or a control run of the reference.
        config_hash: hash of the cell's configuration.
    """

    place: int = Field(ge=1)
    cell: str
    cycle: int = Field(ge=1)
    role: Role = "cell"
    config_hash: str

    def run_id(self, attempt: int = 1) -> RunId:
        """The identity of an attempt."""
        return RunId(cell=self.cell, cycle=self.cycle, role=self.role, attempt=attempt)


class RunFailure(Frozen):
    """Why a run has no result.

    Attributes:
        kind: the kind of failure.
        message: what happened and what to do.
        last_lines: the last lines of the process's output.
    """

    kind: FailureKind
    message: str
    last_lines: tuple[str, ...] = ()


class RunRow(Frozen):
    """A run with its outcome, as the analysis, tables and pages read it.

    Attributes:
        run_id: identity as text; of the last attempt.
        place: position in the order of all runs, from 1.
        cell: id of the cell.
        cycle: number of the cycle, from 1.
        role: whether it is a run of the grid, or a control run of the reference.
        attempt: number of the last attempt, from 1; 0 for a run that never began.
        state: state of the run.
        block: name of the block in the analysis: the cycle, on one environment and set of GPUs.
        started_at: UTC time in ISO format; None for a run that never began.
        waited_s: duration of the waits before it, in s.
        skipped_s: the part of the fixed waits before it that was skipped, in s.
        still_above_c: how much warmer than allowed a GPU was when the longest wait ended, in C; None when none was.
        took_s: duration of the run with its process, without the waits, in s; None for a run that has not ended, or whose end was
            not recorded.
        result: path of result.json relative to the study's folder; None without one.
        values: value of each metric of the table by name; None = not measured.
        uncertainties: standard uncertainty of metrics that have one, in the metric's unit.
        reading_uncertainty: relative standard uncertainty of the energy without the error of the sensor's gain, which is equal
            in all runs on a GPU; None where it is not known.
        meter: name of the energy meter; None = energy was not measured.
        energy_estimated: whether the energy is an estimate.
        energy_method: how the joules were measured; None = not measured, or not recorded.
        n_passes: number of passes over the prompts in the window.
        failed_share: share (0 to 1) of the requests to a server in the window that failed; None for other backends.
        of_sent: percentiles by metric, over all requests that were sent to a server in the window, where a failed one
            is later than every answered one; None where the percentile is a failed one. Empty if none failed.
        output_tokens_per_request: mean of the answered requests, which also compares where a window holds parts of requests; None
            without a result, and in files of earlier releases.
        temperature_c: highest GPU temperature at the start of the window in C; None = not measured.
        host: name of the machine.
        gpus: names of the GPUs with their UUIDs.
        gpu_names: names of the GPUs alone; empty without a GPU, and in files of earlier releases.
        tool_version: the release that measured; None without a result, and in files of earlier releases.
        libraries: versions of torch and transformers; empty without a result, and in files of earlier releases.
        environment: digest of GPU, driver, torch and backend versions.
        task: name of the task that made it, such as `c2.1`; None where the runs are made by one process.
        neighbours: the most other tasks of the study that were on the same machine at the same time; None without a task.
        clock_offset_s: time of the shared disk minus time of its machine in s; None without a task, or where it could not be read.
        warnings: codes of the warnings of the result.
        publication: state of each publication rule by its name; empty without a result, and in files of earlier releases.
        failure: why it has no result; None if it has one or has not run.
    """

    run_id: str
    place: int = Field(ge=1)
    cell: str
    cycle: int = Field(ge=1)
    role: Role = "cell"
    attempt: int = Field(0, ge=0)
    state: RunState = "pending"
    block: str
    started_at: str | None = None
    waited_s: float = 0.0
    skipped_s: float = 0.0
    still_above_c: float | None = None
    took_s: float | None = None
    result: str | None = None
    values: dict[str, float | None] = {}
    uncertainties: dict[str, float] = {}
    reading_uncertainty: float | None = None
    meter: str | None = None
    energy_estimated: bool = False
    energy_method: EnergyMethod | None = None
    n_passes: int | None = None
    failed_share: float | None = None
    of_sent: dict[str, float | None] = {}
    output_tokens_per_request: float | None = None
    temperature_c: float | None = None
    host: str | None = None
    gpus: tuple[str, ...] = ()
    gpu_names: tuple[str, ...] = ()
    tool_version: str | None = None
    libraries: dict[str, str] = {}
    environment: str | None = None
    task: str | None = None
    neighbours: int | None = None
    clock_offset_s: float | None = None
    warnings: tuple[str, ...] = ()
    publication: dict[str, RuleState] = {}
    failure: RunFailure | None = None

    @property
    def energy_source(self) -> EnergySource | None:
        """Whether the energy was measured, is an estimate or was replayed; None = not measured."""
        if self.meter is None:
            return None
        return "estimated" if self.energy_estimated else source_of(self.energy_method or "counter")

    @property
    def tokens_per_request(self) -> float | None:
        """Output tokens per answered request, also of a file of an earlier release; None = not known."""
        tokens, requests = self.values.get("output_tokens"), self.values.get("n_prompts")
        if self.output_tokens_per_request is not None or self.failed_share is not None or not tokens or not requests:
            return self.output_tokens_per_request
        return tokens / requests

    def per_pass(self, name: str) -> float | None:
        """The value of a metric; of a total, per pass over the prompts, so that runs compare. None = not measured."""
        return METRICS[name].per_pass(self.values.get(name), self.n_passes or 1)
