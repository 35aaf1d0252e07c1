"""Builds the cells of a study: grid and list, validated and merged, and the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from llenergymeasure.config.base import FieldError
from llenergymeasure.config.files.yaml import Document
from llenergymeasure.config.messages.format import shown
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.axes import Axis, parse_sweep
from llenergymeasure.config.study.cells import Cell, Common, check_grid, merge
from llenergymeasure.config.study.conditions import flattened
from llenergymeasure.config.study.exclude import without_excluded
from llenergymeasure.config.study.grid import DEFAULT_BACKEND, backends_of, grid_of
from llenergymeasure.config.study.layers import Layer, error_at, fields_of, problem_at, problems_in
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.study.parts import Parts, parts_of
from llenergymeasure.config.study.reference import completed_reference, reference_index
from llenergymeasure.exceptions import ConfigError


def cells_of(
    document: Document, overrides: Mapping[str, Any], sweeps: Sequence[str], assigned: Mapping[str, Document]
) -> dict[str, Any]:
    """The fields of a study that its cells decide.

    Args:
        document: the file.
        overrides: values of the command line by dotted field, for every cell.
        sweeps: axes of the command line, such as `n=1,2`.
        assigned: the options that the overrides came from, by dotted field.

    Raises:
        ConfigError: the file is not valid, a cell of the sweep has a wrong value, or no cell can be measured.
        pydantic.ValidationError: a field of an entry of `experiments` is wrong.
    """
    added = [parse_sweep(text) for text in sweeps]
    parts = parts_of(document, overrides, added, assigned)
    backend = _backend(parts, ())
    occurring = (*backends_of(parts.axes, backend), *(_backend(parts, (each,)) for each in parts.entries))
    common = Common(parts.below, parts.above, frozenset(each for each in occurring if isinstance(each, str)))
    grid = without_excluded(grid_of(parts.axes, backend, document.source), document)
    checked = check_grid(grid, common, document)
    listed = _listed(parts, common)
    experiments, merged = merge((*checked.cells, *listed))
    reference = _reference(document, experiments, added)
    return {"experiments": experiments, "reference": reference, "skipped": checked.skipped, "merged": merged}


def _backend(parts: Parts, between: Sequence[Layer]) -> Any:
    """The backend of the cells with these layers, as it is written."""
    return fields_of((*parts.below, *between, *parts.above)).get("backend", DEFAULT_BACKEND)


def _listed(parts: Parts, common: Common) -> list[Cell]:
    """The entries of `experiments`; without them and without a sweep, the single experiment of the file."""
    entries = parts.entries
    if not entries:
        return (
            [] if parts.axes else [Cell(ExperimentConfig.model_validate(fields_of((*parts.below, *parts.above))), {})]
        )
    layers = [common.around(_backend(parts, (each,)), (each,)) for each in entries]
    try:
        study = StudyConfig.model_validate({"experiments": [fields_of(each) for each in layers]})
    except ValidationError:
        _refuse_wrong_base(parts)
        raise
    return [Cell(config, flattened(each.fields)) for config, each in zip(study.experiments, entries, strict=True)]


def _refuse_wrong_base(parts: Parts) -> None:
    """Refuse a wrong value of a base file with its place there: pydantic's error knows only the entries."""
    for layer in parts.below:
        if layer.document is parts.document:
            continue
        try:
            ExperimentConfig.model_validate(layer.fields)
        except ValidationError as error:
            found = [each for each in problems_in(error, [layer]) if layer.holds(each.path) and not each.contradiction]
            if found:
                source = layer.document.source
                raise ConfigError.of([problem_at([layer], each, layer.document) for each in found], source) from error


def _reference(
    document: Document, experiments: Sequence[ExperimentConfig], added: Sequence[Axis]
) -> dict[str, Any] | None:
    """`reference:` by dotted field, checked."""
    reference = document.content.get("reference")
    if reference is None:
        return None
    if not isinstance(reference, Mapping) or not reference:
        fix = "write fields and values that select one cell, such as {precision: bf16}"
        raise error_at(document, f"'reference:' is {shown(reference)}", fix, ("reference",))
    try:
        completed = completed_reference(experiments, reference, [axis.values[0].assignment for axis in added])
        reference_index(experiments, completed)
        return completed
    except FieldError as error:
        raise error_at(document, f"reference: {error.problem}", error.fix, ("reference",)) from error
