"""`exclude:` of a study: combinations of the sweep that are not wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from llenergymeasure.config.files.yaml import Document
from llenergymeasure.config.messages.format import shown
from llenergymeasure.config.study.conditions import Assignment, flattened, matches, why_none
from llenergymeasure.config.study.grid import GridCell
from llenergymeasure.config.study.layers import error_at
from llenergymeasure.exceptions import ConfigError


def without_excluded(grid: list[GridCell], document: Document) -> list[GridCell]:
    """The cells that no entry of `exclude:` matches.

    Raises:
        ConfigError: an entry is not a mapping or matches no cell, or no cell is left.
    """
    if document.content.get("exclude") is None:
        return grid
    if not grid:
        raise error_at(
            document, "'exclude:' needs a 'sweep:'", "remove it, or remove entries of the list", ("exclude",)
        )
    assignments = [cell.assignment for cell in grid]
    conditions = list(_conditions(document))
    problems = list(_without_effect(conditions, assignments, document))
    if problems:
        raise ConfigError.of(problems, document.source)
    left = [
        cell
        for cell, assignment in zip(grid, assignments, strict=True)
        if not any(matches(condition, assignment) for condition in conditions)
    ]
    if not left:
        raise error_at(document, "'exclude:' leaves no cell of the sweep", "remove an entry", ("exclude",))
    return left


def _conditions(document: Document) -> Iterator[Assignment]:
    entries = document.content["exclude"]
    if not isinstance(entries, list):
        fix = "write one `- {field: value}` per combination"
        raise error_at(document, f"'exclude:' is {shown(entries)}, not a list", fix, ("exclude",))
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or not entry:
            problem, fix = (
                f"exclude {index + 1} is {shown(entry)}",
                "write fields and values, such as {precision: fp16}",
            )
            raise error_at(document, problem, fix, ("exclude", index))
        try:
            yield flattened(entry)
        except ValueError as error:
            raise error_at(document, f"exclude {index + 1}: {error}", "", ("exclude", index)) from error


def _without_effect(
    conditions: Sequence[Assignment], cells: Sequence[Assignment], document: Document
) -> Iterator[ConfigError]:
    """Entries that match no cell."""
    for index, condition in enumerate(conditions):
        if not any(matches(condition, cell) for cell in cells):
            problem, fix = why_none(condition, cells)
            yield error_at(document, f"exclude {index + 1} matches no cell: {problem}", fix, ("exclude", index))
