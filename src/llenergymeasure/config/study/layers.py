"""Where the values of a cell are written, so that a message names file, line and column.

A cell is built from layers, each over the one before: base file, common fields, one value of each axis, command line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from llenergymeasure.config.files.yaml import Document, KeyPath
from llenergymeasure.config.loader import merged
from llenergymeasure.config.messages.explain import Problem, problems_of
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import ConfigError


@dataclass(frozen=True)
class Layer:
    """Fields of an experiment, and their place in a document.

    Attributes:
        fields: the fields, nested as in an experiment.
        document: what they were read from.
        at: path of the value in the document.
        covers: path in the experiment of what is at `at`.
    """

    fields: Mapping[str, Any]
    document: Document
    at: KeyPath = ()
    covers: KeyPath = ()

    def holds(self, path: KeyPath) -> bool:
        """Whether this layer sets the field."""
        value: Any = self.fields
        for key in path:
            if isinstance(value, str):
                return False
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return False
        return True

    def place(self, path: KeyPath) -> KeyPath:
        """The path in the document of a field of the experiment."""
        return (*self.at, *path[len(self.covers) :])


def fields_of(layers: Sequence[Layer]) -> dict[str, Any]:
    """The fields of all layers, the last winning."""
    fields: dict[str, Any] = {}
    for layer in layers:
        fields = merged(fields, layer.fields)
    return fields


def problem_at(layers: Sequence[Layer], problem: Problem, document: Document) -> ConfigError:
    """A problem of an experiment with its place; without one, in the document."""
    for path in _lookup(problem):
        layer = next((each for each in reversed(layers) if each.holds(path)), None)
        if layer is not None:
            return error_at(layer.document, f"{problem.named}{problem.problem}", problem.fix, layer.place(path))
    return error_at(document, f"{problem.named}{problem.problem}", problem.fix)


def problems_in(error: ValidationError, layers: Sequence[Layer]) -> list[Problem]:
    """The problems of an experiment that was built from layers."""

    def written(path: KeyPath) -> str | None:
        layer = next((each for each in reversed(layers) if each.holds(path)), None)
        return None if layer is None else layer.document.texts.get(layer.place(path))

    return problems_of(error, ExperimentConfig, written)


def error_at(document: Document, problem: str, fix: str = "", path: KeyPath = ()) -> ConfigError:
    """A problem with the position of a path in the document, else of what encloses it."""
    while path and path not in document.marks:
        path = path[:-1]
    line, column = document.marks[path] if path else (None, None)
    return ConfigError(problem, fix, source=document.source, line=line, column=column)


def _lookup(problem: Problem) -> Iterator[KeyPath]:
    """Paths to look for, the most precise first."""
    yield from problem.fields
    for length in range(len(problem.path), 0, -1):
        yield problem.path[:length]
