"""The factors of a study, derived from its cells alone: what varies, and which level each cell has.

It does not matter whether a grid or a list defined the cells. Fields that always change together are one factor.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import BACKEND_OF_SECTION
from llenergymeasure.config.study.conditions import shown_level
from llenergymeasure.config.study.effective import fields_of_cells, key_of
from llenergymeasure.domain.study.design import Cell, Factor


class FactorsAndCells(NamedTuple):
    """The factors of a study and its cells, in order."""

    factors: tuple[Factor, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class _Column:
    """A field that varies: its levels, and the index of the level of each cell; None where the field does not apply."""

    name: str
    levels: tuple[Any, ...]
    indices: tuple[int | None, ...]


def factors_and_cells(experiments: Sequence[ExperimentConfig]) -> FactorsAndCells:
    """The factors and cells of these experiments."""
    groups: dict[tuple[int | None, ...], list[_Column]] = {}
    for column in _varying(fields_of_cells(experiments)):
        groups.setdefault(column.indices, []).append(column)
    factors = [(_factor(group), indices) for indices, group in groups.items()]
    short = _short_names([name for factor, _ in factors for name in factor.fields])
    width = max(2, len(str(len(experiments))))
    cells = []
    for number, config in enumerate(experiments):
        own = [(factor, index) for factor, indices in factors if (index := indices[number]) is not None]
        label = ", ".join(_label(factor, index, short) for factor, index in own) or config.model
        levels = {factor.name: index for factor, index in own}
        cell_id = f"{number + 1:0{width}}"
        cells.append(Cell(id=cell_id, label=label, levels=levels, config=config, config_hash=config.config_hash))
    return FactorsAndCells(tuple(factor for factor, _ in factors), tuple(cells))


def _varying(cells: Sequence[Mapping[str, Any]]) -> Iterator[_Column]:
    """Every field with more than one value, in the order of the configuration."""
    first = cells[0]
    for name in dict.fromkeys(name for cell in cells for name in cell):
        if name in first and all(name in cell and cell[name] is first[name] for cell in cells):
            continue
        numbers: dict[Hashable, int] = {}
        levels: list[Any] = []
        indices: list[int | None] = []
        for cell in cells:
            if name not in cell:
                indices.append(None)
                continue
            key = key_of(cell[name])
            if key not in numbers:
                numbers[key] = len(levels)
                levels.append(cell[name])
            indices.append(numbers[key])
        if len(levels) > 1:
            yield _Column(name, tuple(levels), tuple(indices))


def _factor(columns: Sequence[_Column]) -> Factor:
    """The factor of fields that change together."""
    fields = tuple(column.name for column in columns)
    levels = columns[0].levels if len(columns) == 1 else tuple(zip(*(column.levels for column in columns), strict=True))
    backends = {BACKEND_OF_SECTION.get(name.split(".")[0]) for name in fields}
    within = backends.pop() if len(backends) == 1 and None in columns[0].indices else None
    return Factor(name=", ".join(fields), fields=fields, levels=levels, within=within)


def _short_names(fields: Sequence[str]) -> dict[str, str]:
    """For each field its name without the section, where that is unambiguous."""
    last = [name.rpartition(".")[2] for name in fields]
    return {name: short if last.count(short) == 1 else name for name, short in zip(fields, last, strict=True)}


def _label(factor: Factor, index: int, short: Mapping[str, str]) -> str:
    level = factor.levels[index]
    values = (level,) if len(factor.fields) == 1 else level
    return ", ".join(f"{short[name]} {shown_level(value)}" for name, value in zip(factor.fields, values, strict=True))
