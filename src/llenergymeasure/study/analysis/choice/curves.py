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

ENERGY, SPEED = "energy_per_output_token", "tokens_per_second"
# What a curve shows, beside the limited metrics.
SHOWN = (
    ENERGY, "energy_per_request", "energy_per_good_request", SPEED, "requests_per_second", "goodput", "ttft_p50_ms", "ttft_p95_ms",
    "ttft_p99_ms", "itl_p50_ms", "itl_p95_ms", "itl_p99_ms", "request_p50_ms", "request_p99_ms", "cpu_seconds",
)  # fmt: skip
# With more failed requests than this share, the p99 of the answered ones says nothing of all requests.
MOST_FAILED = 0.01

Analyses = Mapping[str, MetricAnalysis]


@dataclass(frozen=True)
class _Known:
    """What the runs show about each cell.

    Attributes:
        cost: name of the metric of the best point.
        means: means by the id of the cell, then by the name of the metric.
        failed: by id of the cell: the share of the requests that failed.
    """

    cost: str
    means: Mapping[str, Mapping[str, Mean]]
    failed: Mapping[str, float]

    def point(self, cell: Cell, traffic: float, limits: Mapping[str, float]) -> TrafficPoint:
        """A cell with its means."""
        of_cell = self.means.get(cell.id, {})
        means = {name: of_cell[name] for name in dict.fromkeys([*SHOWN, *limits]) if name in of_cell}
        failed_share = self.failed.get(cell.id)
        keeps, certain = keeps_limits(means, limits)
        if limits and failed_share is not None and failed_share > MOST_FAILED:
            keeps, certain = False, True
        return TrafficPoint(
            cell=cell.id, traffic=traffic, means=means, failed_share=failed_share, keeps=keeps, certain=certain
        )


def curves(
    design: StudyDesign, rows: Sequence[RunRow], analyses: Analyses, limits: Mapping[str, float]
) -> tuple[TrafficCurve, ...]:
    """The curves; empty for a study that varies neither rate nor concurrency.

    Args:
        design: factors and cells.
        rows: the completed runs.
        analyses: the analysis of each metric.
        limits: limits that were asked for, in addition to those of `slo`.
    """
    groups = {field: cells for field in NAMES if (cells := list(_groups(design, field)))}
    if not groups:
        return ()
    energy = analyses.get(ENERGY)
    cost = SPEED if energy is None or "estimated" in energy.notes else ENERGY
    known = _Known(cost, _means(analyses, rows), _failed(rows))
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


def _means(analyses: Analyses, rows: Sequence[RunRow]) -> dict[str, dict[str, Mean]]:
    found: dict[str, dict[str, Mean]] = defaultdict(dict)
    for name, analysis in analyses.items():
        for cell in analysis.cells:
            found[cell.cell][name] = Mean(value=cell.mean, low=cell.low, high=cell.high)
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        for name, value in row.values.items():
            if value is not None:
                values[row.cell, name].append(value)
    for (cell_id, name), each in values.items():
        if min(each) == 0:  # it has no logarithm, such as a goodput of 0, so that the analysis leaves the cell out
            found[cell_id].setdefault(name, Mean(value=fmean(each)))
            if name == "goodput":
                # The runs without a good request have no energy of one, and the mean of the others is too low.
                found[cell_id].pop("energy_per_good_request", None)
    return found


def _failed(rows: Sequence[RunRow]) -> dict[str, float]:
    """By id of the cell: the mean share of the requests that failed."""
    shares: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.failed_share is not None:
            shares[row.cell].append(row.failed_share)
    return {cell_id: fmean(each) for cell_id, each in shares.items()}


def _curve(
    field: TrafficField, settings: str, cells: Sequence[Cell], known: _Known, asked: Mapping[str, float]
) -> TrafficCurve:
    limits = {**slo_limits(cells[0].config), **asked}
    found = [known.point(cell, traffic_of(cell.config, field) or 0.0, limits) for cell in cells]
    points = tuple(point for point in found if point.means)
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


def keeps_limits(means: Mapping[str, Mean], limits: Mapping[str, float]) -> tuple[bool | None, bool]:
    """Whether the means are inside all limits, and whether their intervals show it."""
    sides = [_side(name, means[name], limit) for name, limit in limits.items() if name in means]
    outside = [certain for inside, certain in sides if not inside]
    if outside:
        return False, any(outside)
    if not limits or len(sides) < len(limits):
        return None, False
    return True, all(certain for _, certain in sides)


def _side(name: str, mean: Mean, limit: float) -> tuple[bool, bool]:
    """Whether a mean is inside its limit, and whether its interval is on the same side."""
    lower = METRICS[name].better == "lower"
    inside = mean.value <= limit if lower else mean.value >= limit
    end = mean.high if inside == lower else mean.low
    return inside, end is not None and (end <= limit if inside == lower else end >= limit)


def _signed(name: str, value: float) -> float:
    """A value with its sign chosen so that lower is better."""
    return value if METRICS[name].better == "lower" else -value
