"""The runs of a study as flat rows for pandas, polars and pyarrow: all values of a column have one type."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import Cell, Factor, StudyDesign
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.runs import RunRow

# Added to the name of a metric: its standard uncertainty, in the same unit.
UNCERTAINTY = "_uncertainty"


def run_rows(study: StudyData) -> list[dict[str, Any]]:
    """One flat row per run, in the order of the runs: identity, varied fields, metrics with uncertainties, conditions.

    All rows have the same keys. Not measured is None. The columns of metrics are those that some run has a value of.
    """
    varied = varied_values(study.design)
    metrics = measured_metrics(study.runs)
    uncertain = [name for name in metrics if any(name in run.uncertainties for run in study.runs)]
    return [
        {**_identity(run, study.design.cell(run.cell)), **varied[run.cell], **_numbers(run, metrics, uncertain), **_conditions(run)}
        for run in study.runs
    ]  # fmt: skip


def measured_metrics(runs: Sequence[RunRow]) -> list[str]:
    """The metrics that some run has a value of, in the order of the table of metrics."""
    found = {name for run in runs for name, value in run.values.items() if value is not None}
    return [*(name for name in METRICS if name in found), *sorted(found - set(METRICS))]


def varied_values(design: StudyDesign) -> dict[str, dict[str, Any]]:
    """By id of the cell: the value of each varied field, by its dotted name; None where it does not apply."""
    rows = {cell.id: dict(_values(cell, design.factors)) for cell in design.cells}
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    for name in columns:
        alike = of_one_type([row[name] for row in rows.values()])
        for row, value in zip(rows.values(), alike, strict=True):
            row[name] = value
    return rows


def _values(cell: Cell, factors: Sequence[Factor]) -> Iterator[tuple[str, Any]]:
    for factor in factors:
        at = cell.levels.get(factor.name)
        level = None if at is None else factor.levels[at]
        values = level if len(factor.fields) > 1 and level is not None else [level] * len(factor.fields)
        yield from zip(factor.fields, values, strict=True)


def of_one_type(values: Sequence[Any]) -> list[Any]:
    """The values of a column with one type: unchanged, all floats, or all texts; None stays None."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        return [None if value is None else float(value) for value in values] if float in kinds else list(values)
    if len(kinds) == 1 and kinds <= {bool, str}:
        return list(values)
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]


def _identity(run: RunRow, cell: Cell) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "place": run.place,
        "cycle": run.cycle,
        "cell": run.cell,
        "label": cell.label,
        "role": run.role,
        "attempt": run.attempt,
        "state": run.state,
        "block": run.block,
    }


def _numbers(run: RunRow, metrics: Sequence[str], uncertain: Sequence[str]) -> dict[str, float | None]:
    row: dict[str, float | None] = {}
    for name in metrics:
        row[name] = run.values.get(name)
        if name in uncertain:
            row[name + UNCERTAINTY] = run.uncertainties.get(name)
    return row


def _conditions(run: RunRow) -> dict[str, Any]:
    return {
        "meter": run.meter,
        "energy_estimated": None if run.meter is None else run.energy_estimated,
        "energy_source": run.energy_source,
        "n_passes": run.n_passes,
        "failed_share": run.failed_share,
        "temperature_c": run.temperature_c,
        "started_at": run.started_at,
        "waited_s": run.waited_s,
        "skipped_s": run.skipped_s,
        "took_s": run.took_s,
        "host": run.host,
        "gpus": "; ".join(run.gpus) or None,
        "environment": run.environment,
        "task": run.task,
        "neighbours": run.neighbours,
        "clock_offset_s": run.clock_offset_s,
        "warnings": "; ".join(run.warnings) or None,
        "failure": run.failure.kind if run.failure else None,
        "failure_message": run.failure.message if run.failure else None,
        "result": run.result,
    }
