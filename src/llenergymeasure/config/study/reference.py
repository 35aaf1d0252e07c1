"""The reference of a study: the cell with which the others are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llenergymeasure.config.base import FieldError
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.conditions import Assignment, flattened, levels_of, listed, matches, why_none
from llenergymeasure.config.study.effective import fields_of_cells

FIELD = "reference"


def reference_index(experiments: Sequence[ExperimentConfig], reference: Mapping[str, Any] | None) -> int:
    """Index of the cell that the reference selects; 0 without one: the first value of each axis.

    Raises:
        FieldError: it selects no cell, or several; with the values that occur.
    """
    if reference is None:
        return 0
    condition = _flattened(reference)
    cells = fields_of_cells(experiments)
    found = [index for index, cell in enumerate(cells) if matches(condition, cell)]
    if len(found) == 1:
        return found[0]
    problem, fix = _several([cells[index] for index in found]) if found else why_none(condition, cells)
    raise FieldError(problem, fix, FIELD)


def completed_reference(
    experiments: Sequence[ExperimentConfig], reference: Mapping[str, Any], first: Sequence[Assignment]
) -> dict[str, Any]:
    """The reference of a file, with axes of the command line, which the file does not know, at their first value.

    Args:
        experiments: the cells.
        reference: the reference of the file; what it names stays.
        first: the first value of each axis of the command line. One that no selected cell has, such as that of another
            backend, is left out.

    Raises:
        FieldError: fields named together have another number of values.
    """
    found, cells = _flattened(reference), fields_of_cells(experiments)
    for value in first:
        wanted = {**value, **found}
        found = wanted if any(matches(wanted, cell) for cell in cells) else found
    return found


def _flattened(reference: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return flattened(reference)
    except ValueError as error:
        raise FieldError(str(error), "", FIELD) from error


def _several(cells: Sequence[Assignment]) -> tuple[str, str]:
    """Problem and fix of a reference that selects several cells: the fields in which they differ."""
    names = dict.fromkeys(name for cell in cells for name in cell)
    varied = {name: levels for name in names if len(levels := levels_of(name, cells)) > 1}
    texts = (f"{name} ({listed(levels)})" for name, levels in varied.items())
    return f"it selects {len(cells)} cells", f"name one value of {', '.join(texts)}" if varied else "name more fields"
