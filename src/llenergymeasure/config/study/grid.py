"""The cells of a grid, before they are validated.

Axes multiply in the order of the file; the last axis changes fastest. An axis of a backend's section multiplies only the
cells of that backend.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from llenergymeasure.config.messages.format import shown
from llenergymeasure.config.messages.suggest import nearest
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import BACKEND_OF_SECTION
from llenergymeasure.config.study.axes import Axis, AxisValue
from llenergymeasure.config.study.conditions import Assignment
from llenergymeasure.exceptions import ConfigError

# Three cycles of this many runs of one minute take 42 days.
MAX_CELLS = 20_000

DEFAULT_BACKEND: str = ExperimentConfig.model_fields["backend"].default


@dataclass(frozen=True)
class GridCell:
    """One combination of the sweep.

    Attributes:
        values: its value of each axis that applies.
        backend: its backend as it is written.
    """

    values: tuple[AxisValue, ...]
    backend: Any

    @property
    def assignment(self) -> Assignment:
        """Its values by dotted field."""
        return {name: value for each in self.values for name, value in each.assignment.items()}


def grid_of(axes: Sequence[Axis], backend: Any, source: str) -> list[GridCell]:
    """Every combination.

    Args:
        axes: the axes, in the order of the file.
        backend: the backend of cells for which no axis sets one.
        source: what the sweep was read from.

    Raises:
        ConfigError: two axes set the same field, an axis applies to no cell, or there are too many combinations.
    """
    if not axes:
        return []
    problems = [*_overlaps(axes), *_without_cells(axes, backend)]
    if problems:
        raise ConfigError.of(problems, source)
    parts = list(_parts(axes, backend))
    size = sum(math.prod(len(values) for values in part) for _, part in parts)
    if size > MAX_CELLS:
        raise ConfigError(f"the sweep has {size:,} cells, more than {MAX_CELLS:,}", "list fewer values", source=source)
    return _in_order(axes, parts)


def backends_of(axes: Sequence[Axis], backend: Any) -> list[Any]:
    """The backends that occur; None for a value that is no name."""
    axis = next((each for each in axes if each.sets_backend), None)
    return [backend] if axis is None else [value.assignment.get("backend") for value in axis.values]


_Choice = tuple[int, AxisValue | None]
"""Index of a value and the value; 0 and None where the axis does not apply."""


def _parts(axes: Sequence[Axis], backend: Any) -> Iterator[tuple[Any, list[list[_Choice]]]]:
    """For each value that sets the backend: the choices of each axis."""
    setting = next((each for each in axes if each.sets_backend), None)
    for index, name in enumerate(backends_of(axes, backend)):
        choices: list[list[_Choice]] = []
        for axis in axes:
            if axis is setting:
                choices.append([(index, axis.values[index])])
            elif axis.backend in (None, name):
                choices.append(list(enumerate(axis.values)))
            else:
                choices.append([(0, None)])
        yield name, choices


def _in_order(axes: Sequence[Axis], parts: Sequence[tuple[Any, list[list[_Choice]]]]) -> list[GridCell]:
    """The combinations of all parts, in the order of the axes."""
    found = []
    for backend, choices in parts:
        for combination in product(*choices):
            values = tuple(value for _, value in combination if value is not None)
            found.append((tuple(index for index, _ in combination), GridCell(values, backend)))
    found.sort(key=lambda pair: pair[0])
    return [cell for _, cell in found]


def _overlaps(axes: Sequence[Axis]) -> Iterator[ConfigError]:
    """Axes that set a field which another axis sets too."""
    for first, second in combinations(axes, 2):
        shared = [path for path in second.leaves if any(overlap(path, other) for other in first.leaves)]
        if shared:
            yield second.error(f"{'.'.join(min(shared))} is also set by the axis {first.name}", "remove one")


def overlap(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether two paths name the same field, or one names the section of the other."""
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]


def _without_cells(axes: Sequence[Axis], backend: Any) -> Iterator[ConfigError]:
    """Axes of a backend that does not occur, and axes that set fields of several backends."""
    occurring = backends_of(axes, backend)
    for axis in axes:
        backends = {BACKEND_OF_SECTION.get(path[0]) for path in axis.fields}
        named = sorted(filter(None, backends))
        if len(named) > 1 or (named and None in backends and len(occurring) > 1):
            yield axis.error("fields of one backend cannot be named together with other fields", "write two axes")
        elif named and named[0] not in occurring:
            texts = ", ".join(shown(each).strip('"') for each in occurring)
            hint = nearest(named[0], map(str, occurring)) or f"set backend: {named[0]}, or list it in the sweep"
            yield axis.error(f"applies to no cell: the backend is {texts}", hint)
