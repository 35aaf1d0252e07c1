"""The data that the parts of a measurement exchange, in addition to the blocks of a result.

The parts are described in `protocols`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llenergymeasure.domain.sensors import GpuConditions, PowerTrace, SamplerReport, ThermalThrottleInfo, TimeSeries

if TYPE_CHECKING:
    from llenergymeasure.domain.results import ExperimentResult


@dataclass(frozen=True)
class BatchRecord:
    """The record of one `generate` call. Times are in s on the clock of the measurement.

    Attributes:
        prompt_indices: indices of the prompts in the argument of `prepare`, as in their batch.
        input_lengths: useful input tokens per prompt.
        padded_length: executed tokens per row in prefill.
        output_ids: generated ids per prompt, end-of-sequence included, padding excluded.
        started_s: when `generate` was called.
        finished_s: when it returned and the device was idle.
        step_times_s: when each step's tokens were generated; the first is the end of prefill and first sampling. Empty
            when steps were not recorded.
        step_tokens: tokens per row generated up to and including each step (1, 2, 3, ... one by one).
        compilations: number of compilations in the meantime; None when not known.
        compiling_s: duration of these compilations in s.
    """

    prompt_indices: tuple[int, ...]
    input_lengths: tuple[int, ...]
    padded_length: int
    output_ids: tuple[tuple[int, ...], ...]
    started_s: float
    finished_s: float
    step_times_s: tuple[float, ...] = ()
    step_tokens: tuple[int, ...] = ()
    compilations: int | None = None
    compiling_s: float = 0.0


class EnergyStep(NamedTuple):
    """Energy in J of one device between two updates of its sensor."""

    start_s: float
    end_s: float
    energy_j: float


@dataclass(frozen=True)
class Trace:
    """The sampler's data of one window.

    `energy_steps` has one sequence per device. `foreign_processes` is None where a driver does not list processes.
    `outside` is the power before and after the window, since the experiment was opened.
    """

    report: SamplerReport
    timeseries: TimeSeries | None = None
    throttling: ThermalThrottleInfo | None = None
    foreign_processes: tuple[str, ...] | None = ()
    energy_steps: tuple[tuple[EnergyStep, ...], ...] = ()
    conditions: tuple[GpuConditions, ...] = ()
    outside: tuple[PowerTrace, ...] = ()


@dataclass(frozen=True)
class Saved:
    """A saved result: its path, and the result as saved, with the names of its other files."""

    path: Path
    result: ExperimentResult
