"""The factors of a study, derived from its cells alone: what varies, and which level each cell has.

It does not matter whether a grid or a list defined the cells. Fields that always change together are one factor.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import BACKENDS
from llenergymeasure.config.study.conditions import shown_level
from llenergymeasure.config.study.effective import effective_fields, key_of


@dataclass(frozen=True)
class Factor:
    """A choice that varies between cells.

    Attributes:
        name: dotted name of its field; names of fields that change together are joined by `, `.
        fields: the dotted fields.
        levels: the values that occur, in order of first appearance; of several fields, a tuple of their values.
        within: the backend in whose section it is; None where it applies to every cell.
    """

    name: str
    fields: tuple[str, ...]
    levels: tuple[Any, ...]
    within: str | None


@dataclass(frozen=True)
class Cell:
    """One configuration of a study.

    Attributes:
        id: its number in the order of the study, from 1, padded with zeros.
        label: its levels as text: `precision bf16, batch_size 8`; the model when nothing varies.
        levels: index of its level of each factor, by name of the factor; a factor that does not apply is absent.
    """

    id: str
    label: str
    levels: Mapping[str, int]


@dataclass(frozen=True)
class Design:
    """The factors of a study and its cells, in order."""

    factors: tuple[Factor, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class _Column:
    """A field that varies: its levels, and the index of the level of each cell; None where the field does not apply."""

    name: str
    levels: tuple[Any, ...]
    indices: tuple[int | None, ...]


def design_of(experiments: Sequence[ExperimentConfig]) -> Design:
    """The factors and cells of these experiments."""
    groups: dict[tuple[int | None, ...], list[_Column]] = {}
    for column in _varying([effective_fields(each) for each in experiments]):
        groups.setdefault(column.indices, []).append(column)
    factors = [(_factor(group), indices) for indices, group in groups.items()]
    short = _short_names([name for factor, _ in factors for name in factor.fields])
    width = max(2, len(str(len(experiments))))
    cells = []
    for number, config in enumerate(experiments):
        own = [(factor, index) for factor, indices in factors if (index := indices[number]) is not None]
        label = ", ".join(_label(factor, index, short) for factor, index in own) or config.model
        cells.append(Cell(f"{number + 1:0{width}}", label, {factor.name: index for factor, index in own}))
    return Design(tuple(factor for factor, _ in factors), tuple(cells))


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
    sections = {name.split(".")[0] for name in fields}
    nested = sections <= set(BACKENDS) and len(sections) == 1 and None in columns[0].indices
    return Factor(", ".join(fields), fields, levels, sections.pop() if nested else None)


def _short_names(fields: Sequence[str]) -> dict[str, str]:
    """For each field its name without the section, where that is unambiguous."""
    last = [name.rpartition(".")[2] for name in fields]
    return {name: short if last.count(short) == 1 else name for name, short in zip(fields, last, strict=True)}


def _label(factor: Factor, index: int, short: Mapping[str, str]) -> str:
    level = factor.levels[index]
    values = (level,) if len(factor.fields) == 1 else level
    return ", ".join(f"{short[name]} {shown_level(value)}" for name, value in zip(factor.fields, values, strict=True))
