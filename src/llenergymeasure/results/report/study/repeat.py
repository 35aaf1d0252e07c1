"""The configuration file that repeats a study."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llenergymeasure.domain.study.design import Protocol
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.results.report.repeat import changed_fields


def yaml_text(study: StudyData) -> str:
    """A file that describes the same cells, reference and protocol: common fields, then each cell by its other fields."""
    return "\n".join([*_lines(study), ""])


def _lines(study: StudyData) -> Iterator[str]:
    cells = {cell.id: changed_fields(cell.config) for cell in study.cells}
    first = cells[study.cells[0].id]
    common = {
        name: value for name, value in first.items() if all(cell.get(name, ...) == value for cell in cells.values())
    }
    own = {cell_id: {name: fields[name] for name in fields if name not in common} for cell_id, fields in cells.items()}
    if study.design.name:
        yield f"name: {json.dumps(study.design.name)}"
    yield from (f"{name}: {json.dumps(value)}" for name, value in common.items())
    yield "experiments:"
    yield from (f"  - {json.dumps(fields)}" for fields in own.values())
    if study.design.reference != study.cells[0].id:
        yield f"reference: {json.dumps(_reference(study))}"
    yield "execution:"
    yield from (f"  {name}: {json.dumps(value)}" for name, value in _execution(study.protocol))


def _reference(study: StudyData) -> dict[str, Any]:
    """The values of the varied fields in the reference."""
    levels = study.design.cell(study.design.reference).levels
    values: dict[str, Any] = {}
    for factor in study.design.factors:
        if factor.name in levels:
            level = factor.levels[levels[factor.name]]
            values |= zip(factor.fields, level if len(factor.fields) > 1 else [level], strict=True)
    return values


def _execution(protocol: Protocol) -> Iterator[tuple[str, Any]]:
    yield "n_cycles", protocol.n_cycles
    yield "cycle_order", protocol.order
    yield "shuffle_seed", protocol.seed
    yield "experiment_gap_seconds", protocol.experiment_gap_s
    yield "cycle_gap_seconds", protocol.cycle_gap_s
    yield "cooldown_celsius", protocol.cooldown_celsius
    yield "cooldown_max_seconds", protocol.cooldown_max_s
    yield "experiment_timeout_seconds", protocol.timeout_s
    yield "isolation", protocol.isolation
    yield "control", protocol.control
