"""The data of a comparison, as `llem compare --json` prints it."""

from __future__ import annotations

from typing import Literal

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.energy import EnergySource
from llenergymeasure.domain.study.effects import Ratio

# What an interval is from, see `MetricRatio`.
Origin = Literal["repeats", "uncertainty", "without_gain", "none"]


class Difference(Frozen):
    """A value that differs.

    Attributes:
        name: what it is.
        first, second: both values, as text.
    """

    name: str
    first: str
    second: str


class MetricRatio(Frozen):
    """A metric of both sides.

    Attributes:
        metric: its name.
        first, second: values in the metric's unit; geometric means of repeats.
        ratio: second over first; None where it has no meaning.
        interval: what the interval is from: `repeats`, the `uncertainty` of both readings, the same `without_gain`, the
            gain error of one sensor, which cancels; `none` when the spread is not known.
        energy: whether the energy of both sides was measured or is an estimate; None for other metrics.
    """

    metric: str
    first: float
    second: float
    ratio: Ratio | None
    interval: Origin
    energy: EnergySource | None = None


class CellComparison(Frozen):
    """A cell of both sides.

    Attributes:
        label: its settings; of single results, the model.
        n_first, n_second: number of runs.
        energy_kinds: kinds of energy on both sides; where they differ or a side has several, energy is not compared.
        tokens_per_request: mean output tokens per answered request of both sides; None where one of them is not known.
        failed_shares: mean share (0 to 1) of the requests to a server that failed on both sides; None where one has no server.
        metrics: the metrics that both sides have.
    """

    label: str
    n_first: int
    n_second: int
    energy_kinds: tuple[str, str]
    tokens_per_request: tuple[float, float] | None = None
    failed_shares: tuple[float, float] | None = None
    metrics: tuple[MetricRatio, ...]


# same             the same GPUs
# same_model       other GPUs of the same model
# same_cpu_model   without a GPU, CPUs of the same model, on one machine or on two
# another          other models
# unknown          one side does not say
Machines = Literal["same", "same_model", "same_cpu_model", "another", "unknown"]


class Comparison(Frozen):
    """The second side against the first.

    Attributes:
        first, second: names of both folders.
        work: differences of the work; empty for equal work.
        configuration: other differences of the configuration.
        settings: differences of the settings that generation really used.
        environment: differences of machine and software.
        machines: whether both ran on the same machine.
        energy_kinds: kinds of energy on both sides, such as `estimated by codecarbon`; see also each cell.
        per_pass: whether totals are per pass over the prompts, because a window has several.
        windowed: whether a window is a part of the traffic of a server, so that totals are those of its length.
        cells: the cells of both sides.
        only_first, only_second: labels of cells that only one side has.
    """

    first: str
    second: str
    work: tuple[Difference, ...] = ()
    configuration: tuple[Difference, ...] = ()
    settings: tuple[Difference, ...] = ()
    environment: tuple[Difference, ...] = ()
    machines: Machines
    energy_kinds: tuple[str, str]
    per_pass: bool = False
    windowed: bool = False
    cells: tuple[CellComparison, ...]
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()
