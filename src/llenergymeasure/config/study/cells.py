"""Validates the cells of a grid: which can be measured, which are skipped, and which values are wrong.

A value that is wrong by itself, such as a typo or a wrong type, is an error. A cell whose values are valid alone but do not
go together is skipped with the reason.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pydantic import ValidationError

from llenergymeasure.config.files.yaml import Document
from llenergymeasure.config.loader import merged
from llenergymeasure.config.messages.explain import Problem
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import BACKEND_OF_SECTION
from llenergymeasure.config.study.conditions import Assignment
from llenergymeasure.config.study.effective import key_of, key_of_config
from llenergymeasure.config.study.grid import GridCell
from llenergymeasure.config.study.layers import Layer, fields_of, problem_at, problems_in
from llenergymeasure.config.study.models import MergedCell, SkippedCell
from llenergymeasure.exceptions import ConfigError

ENOUGH_PROBLEMS = 20
REASONS_SHOWN = 3


@dataclass(frozen=True)
class Common:
    """What all cells share.

    Attributes:
        below: layers below the axes: base and common fields.
        above: layers above everything: the command line.
        backends: backends that occur in the study.
    """

    below: tuple[Layer, ...]
    above: tuple[Layer, ...]
    backends: frozenset[Any]

    def around(self, backend: Any, between: Sequence[Layer]) -> tuple[Layer, ...]:
        """The layers of a cell: without the sections of other backends of this study in what is shared."""
        return (
            *(self._for(backend, layer) for layer in self.below),
            *between,
            *(self._for(backend, layer) for layer in self.above),
        )

    def _for(self, backend: Any, layer: Layer) -> Layer:
        others = {section for section, own in BACKEND_OF_SECTION.items() if own != backend and own in self.backends}
        if others.isdisjoint(layer.fields):
            return layer
        fields = {name: value for name, value in layer.fields.items() if name not in others}
        return Layer(fields, layer.document, layer.at, layer.covers)


@dataclass(frozen=True)
class Cell:
    """A combination that can be measured."""

    config: ExperimentConfig
    assignment: Assignment


@dataclass(frozen=True)
class Checked:
    """The outcome of validating a grid."""

    cells: tuple[Cell, ...]
    skipped: tuple[SkippedCell, ...]


def check_grid(grid: Sequence[GridCell], common: Common, document: Document) -> Checked:
    """Validate every cell of a grid.

    Raises:
        ConfigError: a value is wrong by itself, or no cell can be measured.
    """
    cells: list[Cell] = []
    skipped: list[SkippedCell] = []
    wrong: dict[str, ConfigError] = {}
    one_per_backend = {key_of(cell.backend): cell.backend for cell in grid}
    shared = {key: fields_of(common.around(backend, ())) for key, backend in one_per_backend.items()}
    for cell in grid:
        own = [layer for value in cell.values for layer in value.layers]
        fields = reduce(merged, (layer.fields for layer in own), shared[key_of(cell.backend)])
        try:
            cells.append(Cell(ExperimentConfig.model_validate(fields), cell.assignment))
        except ValidationError as error:
            layers = common.around(cell.backend, own)
            problems = problems_in(error, layers)
            found = [problem_at(layers, each, document) for each in problems if not each.contradiction]
            wrong |= {str(each): each for each in found}
            skipped.append(SkippedCell(fields=dict(cell.assignment), reason=_reason(problems)))
            if len(wrong) >= ENOUGH_PROBLEMS:
                break
    _refuse(wrong, cells, skipped, document.source)
    return Checked(tuple(cells), tuple(skipped))


def merge(cells: Sequence[Cell]) -> tuple[list[ExperimentConfig], list[MergedCell]]:
    """The cells without those that have the same effect as an earlier one, and these."""
    index: dict[Hashable, int] = {}
    kept: list[ExperimentConfig] = []
    same: list[MergedCell] = []
    for cell in cells:
        key = key_of_config(cell.config)
        if key in index:
            same.append(MergedCell(fields=dict(cell.assignment), same_as=index[key]))
        else:
            index[key] = len(kept)
            kept.append(cell.config)
    return kept, same


def _refuse(
    wrong: Mapping[str, ConfigError], cells: Sequence[Cell], skipped: Sequence[SkippedCell], source: str
) -> None:
    """Refuse a grid with a wrong value, or with no cell that can be measured."""
    if wrong:
        raise ConfigError.of(list(wrong.values()), source)
    if skipped and not cells:
        reasons = list(dict.fromkeys(each.reason for each in skipped))
        further = f"; and {len(reasons) - REASONS_SHOWN} more reasons" if len(reasons) > REASONS_SHOWN else ""
        problem = f"none of the {len(skipped)} cells of the sweep can be measured"
        raise ConfigError(problem, "; ".join(reasons[:REASONS_SHOWN]) + further, source=source)


def _reason(problems: Sequence[Problem]) -> str:
    """Why a cell cannot be measured."""
    return "; ".join(f"{each.problem}; {each.fix}" if each.fix else each.problem for each in problems)
