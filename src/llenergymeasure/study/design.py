"""The design of a study: which fields vary between its cells, and their levels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llenergymeasure.config.messages.fields import flat, shown
from llenergymeasure.config.models import ExperimentConfig, without_unset
from llenergymeasure.config.ssot import BACKENDS
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.domain.study.design import Cell, Factor, StudyDesign

Fields = Mapping[str, Any]


def factors_of(cells: Sequence[Fields]) -> tuple[Factor, ...]:
    """The fields that vary, in order of first appearance. Fields that always change together are one factor."""
    names = [name for name in dict.fromkeys(name for cell in cells for name in cell) if len(_levels(name, cells)) > 1]
    together: dict[tuple[int | None, ...], list[str]] = {}
    for name in names:
        together.setdefault(_pattern(name, cells), []).append(name)
    return tuple(_factor(tuple(group), cells) for group in together.values())


def _factor(names: tuple[str, ...], cells: Sequence[Fields]) -> Factor:
    first = names[0]
    present = [cell for cell in cells if first in cell]
    levels: dict[int, Any] = {}
    for number, cell in zip(_pattern(first, present), present, strict=True):
        levels.setdefault(number or 0, cell[first] if len(names) == 1 else tuple(cell.get(name) for name in names))
    return Factor(name=", ".join(names), fields=names, levels=tuple(levels.values()), within=_backend_of(first, cells))


def _backend_of(name: str, cells: Sequence[Fields]) -> str | None:
    """The backend in whose section a field is; None when all cells have the field."""
    section = name.split(".", 1)[0]
    return section if section in BACKENDS and not all(name in cell for cell in cells) else None


def _levels(name: str, cells: Sequence[Fields]) -> list[Any]:
    """The values of a field, in order of first appearance."""
    found: list[Any] = []
    for cell in cells:
        if name in cell and cell[name] not in found:
            found.append(cell[name])
    return found


def _pattern(name: str, cells: Sequence[Fields]) -> tuple[int | None, ...]:
    """The number of the level in each cell; None where the field does not apply."""
    levels = _levels(name, cells)
    return tuple(levels.index(cell[name]) if name in cell else None for cell in cells)


def design_of(study: StudyConfig) -> StudyDesign:
    """The design of a study."""
    configs = study.experiments
    fields = [dict(flat(without_unset(config.model_dump(mode="json")))) for config in configs]
    factors, width = factors_of(fields), max(2, len(str(len(configs))))
    ids = [f"{number:0{width}}" for number in range(1, len(configs) + 1)]
    levels = _levels_of_cells(factors, fields)
    cells = tuple(_cell(*each, factors) for each in zip(ids, configs, levels, strict=True))
    return StudyDesign(factors=factors, cells=cells, reference=ids[0], design_hash=_hash(cells))


def _hash(cells: Sequence[Cell]) -> str:
    return hashlib.sha256(json.dumps([cell.config_hash for cell in cells]).encode("ascii")).hexdigest()[:16]


def _levels_of_cells(factors: Sequence[Factor], fields: Sequence[Fields]) -> list[dict[str, int]]:
    """The number of the level of each factor, for each cell; a factor that does not apply is absent."""
    patterns = {factor.name: _pattern(factor.fields[0], fields) for factor in factors}
    return [
        {name: level for name, pattern in patterns.items() if (level := pattern[number]) is not None}
        for number in range(len(fields))
    ]


def _cell(cell_id: str, config: ExperimentConfig, levels: dict[str, int], factors: Sequence[Factor]) -> Cell:
    label = ", ".join(_labels(factors, levels)) or config.model
    return Cell(id=cell_id, label=label, levels=levels, config=config, config_hash=config.config_hash)


def _labels(factors: Sequence[Factor], levels: Mapping[str, int]) -> Iterator[str]:
    for factor in factors:
        if factor.name in levels:
            level = factor.levels[levels[factor.name]]
            values = [level] if len(factor.fields) == 1 else level
            yield from (f"{name}={shown(value)}" for name, value in zip(factor.fields, values, strict=True))
