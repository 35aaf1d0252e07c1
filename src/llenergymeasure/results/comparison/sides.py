"""One side of a comparison: a result or a study, as cells with runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.energy import EnergySource, source_of
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.domain.study.design import Cell
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.exceptions import ConfigError

NOT_MEASURED = "not measured"


class EnergyKind(NamedTuple):
    """Where an energy is from."""

    source: EnergySource
    meter: str


@dataclass(frozen=True)
class SideCell:
    """A configuration with its runs.

    Attributes:
        label: its settings.
        config: the experiment.
        runs: values of each run by name of the metric, in the metric's unit; totals are per pass over the prompts.
        energy: kind of the energy of each run; None where it was not measured.
        tokens_per_request: output tokens per answered request of each run; None where it is not known.
        failed_shares: share (0 to 1) of the requests to a server that failed in each run; None where there was no server.
        read: reads the result of its first run; None where that cannot be read.
    """

    label: str
    config: ExperimentConfig
    runs: tuple[Mapping[str, float], ...]
    energy: tuple[EnergyKind | None, ...]
    tokens_per_request: tuple[float | None, ...]
    failed_shares: tuple[float | None, ...]
    read: Callable[[], ExperimentResult | None]

    @cached_property
    def sample(self) -> ExperimentResult | None:
        """A result that shows environment and settings; None where no result can be read."""
        return self.read()

    @property
    def kinds(self) -> frozenset[EnergyKind]:
        """The kinds of energy of its runs."""
        return frozenset(kind for kind in self.energy if kind is not None)

    def values(self, metric: str) -> list[float]:
        """The values of a metric."""
        return [run[metric] for run in self.runs if metric in run]


@dataclass(frozen=True)
class Side:
    """A result or a study.

    Attributes:
        name: name of its folder.
        cells: the cells with a completed run.
        single: whether it is a single result.
        per_pass: whether a total is of one of several passes over the prompts.
    """

    name: str
    cells: tuple[SideCell, ...]
    single: bool
    per_pass: bool

    @property
    def energy(self) -> str:
        """The kinds of its energy, such as `measured by nvml`."""
        return kinds_text(kind for cell in self.cells for kind in cell.energy)


def kinds_text(kinds: Iterable[EnergyKind | None]) -> str:
    """Kinds of energy as text."""
    texts = (NOT_MEASURED if kind is None else f"{kind.source} by {kind.meter}" for kind in kinds)
    return "; ".join(dict.fromkeys(texts))


def side_of(name: str, stored: ExperimentResult | StudyResult) -> Side:
    """A stored result or study as a side.

    Raises:
        ConfigError: a study without a completed run.
    """
    if isinstance(stored, ExperimentResult):
        # Totals per pass, because the number of passes is no difference of the work.
        values = {name: metric.per_pass(metric.read(stored), stored.n_passes) for name, metric in METRICS.items()}
        runs, energy = (_known(values),), (_energy_of_result(stored),)
        lengths, traffic = (stored.tokens.output_tokens_per_request,), stored.traffic
        failed = (None if traffic is None else traffic.failed / traffic.sent,)
        cell = SideCell(stored.config.model, stored.config, runs, energy, lengths, failed, lambda: stored)
        return Side(name, (cell,), single=True, per_pass=stored.n_passes > 1)
    return _side_of_study(name, stored)


def _side_of_study(name: str, study: StudyResult) -> Side:
    rows: dict[str, list[RunRow]] = {}
    for row in study.completed:
        rows.setdefault(row.cell, []).append(row)
    if not rows:
        raise ConfigError(f"the study {name} has no completed run, so there is nothing to compare")
    cells = tuple(_cell_of(study, cell, rows[cell.id]) for cell in study.cells if cell.id in rows)
    per_pass = any((row.n_passes or 1) > 1 for row in study.completed)
    return Side(name, cells, single=False, per_pass=per_pass)


def _cell_of(study: StudyResult, cell: Cell, rows: list[RunRow]) -> SideCell:
    runs, energy = tuple(map(_measured, rows)), tuple(map(_energy_of_run, rows))
    lengths = tuple(row.tokens_per_request for row in rows)
    failed = tuple(row.failed_share for row in rows)
    return SideCell(cell.label, cell.config, runs, energy, lengths, failed, partial(_read, study, rows[0]))


def _measured(row: RunRow) -> dict[str, float]:
    return _known({name: row.per_pass(name) for name in row.values if name in METRICS})


def _known(values: Mapping[str, float | None]) -> dict[str, float]:
    """The values that were measured."""
    return {name: value for name, value in values.items() if value is not None}


def _read(study: StudyResult, row: RunRow) -> ExperimentResult | None:
    try:
        return study.result_of(row)
    except ConfigError:
        return None


def _energy_of_result(result: ExperimentResult) -> EnergyKind | None:
    energy = result.energy
    if energy.energy_j is None or energy.method is None:
        return None
    return EnergyKind(source_of(energy.method), energy.meter)


def _energy_of_run(row: RunRow) -> EnergyKind | None:
    return None if row.meter is None or row.energy_source is None else EnergyKind(row.energy_source, row.meter)
