"""Reads a study: a `sweep:`, a list of `experiments:`, both, or a single experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from llenergymeasure.config.base import FieldError
from llenergymeasure.config.files.yaml import Document, read_experiment
from llenergymeasure.config.loader import build_experiment_config, with_overrides
from llenergymeasure.config.messages.explain import explain_validation_error
from llenergymeasure.config.messages.format import shown
from llenergymeasure.config.models import STUDY_KEYS, ExperimentConfig
from llenergymeasure.config.study.axes import Axis
from llenergymeasure.config.study.cells import Cell, Common, check_grid, merge
from llenergymeasure.config.study.conditions import flattened
from llenergymeasure.config.study.exclude import without_excluded
from llenergymeasure.config.study.grid import DEFAULT_BACKEND, backends_of, grid_of
from llenergymeasure.config.study.layers import Layer, error_at, fields_of
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.study.parts import Parts, parts_of
from llenergymeasure.config.study.reference import reference_index
from llenergymeasure.exceptions import ConfigError

# Keys of a study that are not about its cells; `--set execution.n_cycles=5` sets one of them.
OF_STUDY = ("name", "execution")

NO_FILE = Document("the command line", MappingProxyType({}), {}, {})


def load_study_config(
    source: str | Path | Document = NO_FILE,
    overrides: Mapping[str, Any] | None = None,
    sweeps: Sequence[Axis] = (),
) -> StudyConfig:
    """Read a study, or one experiment as a study with one cell.

    Args:
        source: YAML file, or what was read of one.
        overrides: values by dotted field name; they win over the file in every cell. `execution.n_cycles` and the like set
            fields of the study.
        sweeps: further axes, from `parse_sweep`; they win over the file.

    Raises:
        ConfigError: the file is not valid, a cell of the sweep has a wrong value, or no cell can be measured.
        pydantic.ValidationError: a field of an experiment or of `execution` is wrong.
    """
    document = source if isinstance(source, Document) else read_experiment(source)
    of_study, of_cells = _split(overrides or {})
    own = {key: document.content[key] for key in OF_STUDY if document.content.get(key) is not None}
    if sweeps or any(key in document.content for key in STUDY_KEYS):
        cells = _cells(parts_of(document, of_cells, sweeps))
    else:
        cells = {"experiments": (build_experiment_config(document.content, of_cells),)}
    return StudyConfig.model_validate(with_overrides(own, of_study) | cells)


def _split(overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The overrides of the study, and those of every cell."""
    of_study = {name: value for name, value in overrides.items() if name.split(".")[0] in OF_STUDY}
    return of_study, {name: value for name, value in overrides.items() if name not in of_study}


def explain_study_error(
    error: ValidationError, document: Document | None = None, assigned: Mapping[str, Document] = MappingProxyType({})
) -> ConfigError:
    """What `load_study_config` raised, with position and cure. The arguments are those of `explain_validation_error`."""
    root = StudyConfig if error.title == StudyConfig.__name__ else ExperimentConfig
    return explain_validation_error(error, document, root, assigned)


def _cells(parts: Parts) -> dict[str, Any]:
    """The fields of a study that its cells decide."""
    document = parts.document
    backend = _backend(parts, ())
    occurring = (*backends_of(parts.axes, backend), *(_backend(parts, (each,)) for each in parts.entries))
    common = Common(parts.below, parts.above, frozenset(each for each in occurring if isinstance(each, str)))
    grid = without_excluded(grid_of(parts.axes, backend, document.source), document)
    checked = check_grid(grid, common, document.source)
    listed = _listed(parts, common)
    experiments, merged = merge((*checked.cells, *listed))
    reference = _reference(document, experiments)
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
    study = StudyConfig.model_validate({"experiments": [fields_of(each) for each in layers]})
    return [Cell(config, flattened(each.fields)) for config, each in zip(study.experiments, entries, strict=True)]


def _reference(document: Document, experiments: Sequence[ExperimentConfig]) -> dict[str, Any] | None:
    """`reference:` by dotted field, checked."""
    reference = document.content.get("reference")
    if reference is None:
        return None
    if not isinstance(reference, Mapping) or not reference:
        cure = "write fields and values that select one cell, such as {precision: bf16}"
        raise error_at(document, f"'reference:' holds {shown(reference)}", cure, ("reference",))
    try:
        reference_index(experiments, reference)
        return flattened(reference)
    except FieldError as error:
        raise error_at(document, f"reference: {error.problem}", error.cure, ("reference",)) from error
