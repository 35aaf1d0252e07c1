"""One side of a comparison: a result or a study, as cells with runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.exceptions import ConfigError

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class SideCell:
    """A configuration with its runs.

    Attributes:
        label: its settings.
        config: the experiment.
        runs: values of each run by name of the metric, in the metric's unit; totals are per pass over the prompts.
        read: reads the result of its first run; None where that cannot be read.
    """

    label: str
    config: ExperimentConfig
    runs: tuple[Mapping[str, float], ...]
    read: Callable[[], ExperimentResult | None]

    @cached_property
    def sample(self) -> ExperimentResult | None:
        """A result that shows environment and settings; None where no result can be read."""
        return self.read()

    def values(self, metric: str) -> list[float]:
        """The values of a metric."""
        return [run[metric] for run in self.runs if metric in run]


@dataclass(frozen=True)
class Side:
    """A result or a study.

    Attributes:
        name: name of its folder.
        cells: the cells with a completed run.
        energy: kind of its energy, such as `measured by nvml`.
        single: whether it is a single result.
        per_pass: whether a total is of one of several passes over the prompts.
    """

    name: str
    cells: tuple[SideCell, ...]
    energy: str
    single: bool
    per_pass: bool


def side_of(name: str, stored: ExperimentResult | StudyResult) -> Side:
    """A stored result or study as a side.

    Raises:
        ConfigError: a study without a completed run.
    """
    if isinstance(stored, ExperimentResult):
        values = {name: metric.read(stored) for name, metric in METRICS.items()}
        cell = SideCell(stored.config.model, stored.config, (_per_pass(values, stored.n_passes),), lambda: stored)
        return Side(name, (cell,), _energy_of_result(stored), single=True, per_pass=stored.n_passes > 1)
    return _side_of_study(name, stored)


def _side_of_study(name: str, study: StudyResult) -> Side:
    rows: dict[str, list[RunRow]] = {}
    for row in study.completed:
        rows.setdefault(row.cell, []).append(row)
    if not rows:
        raise ConfigError(f"the study {name} has no completed run, so there is nothing to compare")
    cells = tuple(
        SideCell(cell.label, cell.config, tuple(map(_measured, rows[cell.id])), partial(_read, study, rows[cell.id][0]))
        for cell in study.cells
        if cell.id in rows
    )
    kinds = dict.fromkeys(_energy_of_run(row) for row in study.completed)
    per_pass = any(_passes(row) > 1 for row in study.completed)
    return Side(name, cells, "; ".join(kinds), single=False, per_pass=per_pass)


def _passes(row: RunRow) -> int:
    return row.n_passes or 1


def _measured(row: RunRow) -> dict[str, float]:
    return _per_pass(row.values, _passes(row))


def _per_pass(values: Mapping[str, float | None], n_passes: int) -> dict[str, float]:
    """The values that were measured; totals per pass, because the number of passes is no difference of the work."""
    found = {name: METRICS[name].per_pass(value, n_passes) for name, value in values.items() if name in METRICS}
    return {name: value for name, value in found.items() if value is not None}


def _read(study: StudyResult, row: RunRow) -> ExperimentResult | None:
    try:
        return study.result_of(row)
    except ConfigError:
        return None


def _energy_of_result(result: ExperimentResult) -> str:
    if result.energy.energy_j is None:
        return NOT_MEASURED
    return f"{'measured' if result.energy.is_measured else result.energy.method} by {result.energy.meter}"


def _energy_of_run(row: RunRow) -> str:
    if row.meter is None:
        return NOT_MEASURED
    return f"{'estimated' if row.energy_estimated else 'measured'} by {row.meter}"
