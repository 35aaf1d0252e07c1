"""The curves of a study over the traffic of a server: cells that differ in their rate or concurrency alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.curves import NAMES, SLO_METRICS, Mean, TrafficCurve, TrafficField, TrafficPoint
from llenergymeasure.domain.study.design import Cell, Factor, StudyDesign
from llenergymeasure.domain.study.effects import MetricAnalysis
from llenergymeasure.domain.study.names import factor_name, level_text, listed
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.study.analysis.choice.kept import CellRuns, runs_by_cell

ENERGY, SPEED = "energy_per_output_token", "tokens_per_second"
# What a curve shows, beside the limited metrics.
SHOWN = (
    ENERGY, "energy_per_request", "energy_per_good_request", SPEED, "requests_per_second", "goodput", "ttft_p50_ms", "ttft_p95_ms",
    "ttft_p99_ms", "itl_p50_ms", "itl_p95_ms", "itl_p99_ms", "request_p50_ms", "request_p99_ms", "cpu_seconds",
)  # fmt: skip

Analyses = Mapping[str, MetricAnalysis]


@dataclass(frozen=True)
class _Known:
    """What the runs show about each cell.

    Attributes:
        cost: name of the metric of the best point.
        means: means by the id of the cell, then by the name of the metric.
        runs: the runs that have ended, by the id of the cell.
    """

    cost: str
    means: Mapping[str, Mapping[str, Mean]]
    runs: Mapping[str, CellRuns]

    def point(self, cell: Cell, traffic: float, limits: Mapping[str, float]) -> TrafficPoint:
        """A cell with its means."""
        runs, of_cell = self.runs.get(cell.id, CellRuns()), self.means.get(cell.id, {})
        keeps, certain = runs.keeps(of_cell, limits)
        return TrafficPoint(
            cell=cell.id,
            traffic=traffic,
            means={name: of_cell[name] for name in dict.fromkeys([*SHOWN, *limits]) if name in of_cell},
            failed_share=fmean(runs.failed_shares) if runs.failed_shares else None,
            completed_runs=len(runs.completed),
            failed_runs=len(runs.failed),
            unanswered_runs=runs.unanswered,
            reason=runs.reason,
            keeps=keeps,
            certain=certain,
        )


def curves(
    design: StudyDesign, rows: Sequence[RunRow], analyses: Analyses, limits: Mapping[str, float]
) -> tuple[TrafficCurve, ...]:
    """The curves; empty for a study that varies neither rate nor concurrency.

    Args:
        design: factors and cells.
        rows: the runs.
        analyses: the analysis of each metric.
        limits: limits that were asked for, in addition to those of `slo`.
    """
    groups = {field: cells for field in NAMES if (cells := list(_groups(design, field)))}
    if not groups:
        return ()
    energy = analyses.get(ENERGY)
    cost = SPEED if energy is None or "estimated" in energy.notes else ENERGY
    runs = runs_by_cell(rows)
    known = _Known(cost, _means(design, analyses, runs), runs)
    found = [
        _curve(field, _settings(design, cells[0], [each[0] for each in of_field]), cells, known, limits)
        for field, of_field in groups.items()
        for cells in of_field
    ]
    return tuple(curve for curve in found if len(curve.points) > 1)


def traffic_of(config: ExperimentConfig, field: TrafficField) -> float | None:
    """The rate or the concurrency of a cell; None where it has none."""
    if config.backend != "server":
        return None
    traffic = config.traffic_settings
    value = traffic.rate if field == "traffic.rate" else traffic.effective_concurrency
    return None if value is None else float(value)


def _groups(design: StudyDesign, field: TrafficField) -> Iterator[list[Cell]]:
    """The cells that differ in this field alone, by their traffic."""
    others = _others(design, field)
    if len(others) == len(design.factors):
        return
    groups: dict[tuple[int | None, ...], list[Cell]] = defaultdict(list)
    for cell in design.cells:
        if traffic_of(cell.config, field) is not None:
            groups[tuple(cell.levels.get(factor.name) for factor in others)].append(cell)
    for cells in groups.values():
        yield sorted(cells, key=lambda cell: traffic_of(cell.config, field) or 0.0)


def _others(design: StudyDesign, field: TrafficField) -> list[Factor]:
    return [factor for factor in design.factors if field not in factor.fields]


def _settings(design: StudyDesign, cell: Cell, firsts: Sequence[Cell]) -> str:
    """The levels of a cell by which its curve differs from the others of the field, each given by its first cell."""
    differing = [factor for factor in design.factors if len({each.levels.get(factor.name) for each in firsts}) > 1]
    named = [factor for factor in differing if factor.name in cell.levels and not NAMES.keys() & {*factor.fields}]
    return listed([f"{factor_name(factor)} {_level_text(factor, cell)}" for factor in named])


def _level_text(factor: Factor, cell: Cell) -> str:
    """The level of a cell; a command is one text."""
    level = factor.levels[cell.levels[factor.name]]
    if len(factor.fields) == 1 and isinstance(level, (tuple, list)):
        return " ".join(map(str, level))
    return level_text(level)


def _means(design: StudyDesign, analyses: Analyses, runs: Mapping[str, CellRuns]) -> dict[str, dict[str, Mean]]:
    found: dict[str, dict[str, Mean]] = defaultdict(dict)
    for name, analysis in analyses.items():
        for cell in analysis.cells:
            found[cell.cell][name] = Mean(value=cell.mean, low=cell.low, high=cell.high, n_runs=cell.n_runs)
    for cell_id, of_cell in runs.items():
        for name, values in _with_unanswered(of_cell, design.cell(cell_id)).items():
            if min(values) == 0:  # it has no logarithm, such as a goodput of 0, so that it is in no analysis
                found[cell_id][name] = Mean(value=fmean(values), n_runs=len(values))
                if name == "goodput":
                    # The runs without a good request have no energy of one, and the mean of the others is too low.
                    found[cell_id].pop("energy_per_good_request", None)
    return found


def _with_unanswered(runs: CellRuns, cell: Cell) -> dict[str, list[float]]:
    """The values of each metric. A run in which the server answered no request has a goodput of 0."""
    values = runs.values()
    if runs.unanswered and cell.config.slo is not None:
        values["goodput"] = [*values.get("goodput", []), *[0.0] * runs.unanswered]
    return values


def _curve(
    field: TrafficField, settings: str, cells: Sequence[Cell], known: _Known, asked: Mapping[str, float]
) -> TrafficCurve:
    limits = {**slo_limits(cells[0].config), **asked}
    found = [known.point(cell, traffic_of(cell.config, field) or 0.0, limits) for cell in cells]
    points = tuple(point for point in found if point.means or point.failed_runs)
    inside = [point for point in points if point.keeps]
    priced = [point for point in inside if known.cost in point.means]
    best = min(priced, key=lambda each: _signed(known.cost, each.means[known.cost].value), default=None)
    return TrafficCurve(
        field=field, settings=settings, limits=limits, cost=known.cost, points=points, best=best and best.cell,
        highest=inside[-1].cell if inside else None,
    )  # fmt: skip


def slo_limits(config: ExperimentConfig) -> dict[str, float]:
    """The limits of the section `slo` by metric."""
    limits = {} if config.slo is None else config.slo.model_dump()
    return {SLO_METRICS[name]: value for name, value in limits.items() if value is not None}


def _signed(name: str, value: float) -> float:
    """A value with its sign chosen so that lower is better."""
    return value if METRICS[name].better == "lower" else -value
