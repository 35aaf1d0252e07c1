"""Turns pydantic's errors into a `ConfigError`: each problem with its fix and the line of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from llenergymeasure.config.base import ContradictionError, FieldError
from llenergymeasure.config.checks.passthrough import without_credentials
from llenergymeasure.config.files.yaml import Document, KeyPath
from llenergymeasure.config.messages.format import cut
from llenergymeasure.config.messages.location import Place, in_experiment, place_of
from llenergymeasure.config.messages.text import NEEDED, what_is_wrong
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import ConfigError


def explain_validation_error(
    error: ValidationError,
    document: Document | None = None,
    root: type[BaseModel] | None = None,
    assigned: Mapping[str, Document] = MappingProxyType({}),
) -> ConfigError:
    """The error with its location and fix; several problems give a heading and one line each.

    Args:
        error: raised while validating a configuration.
        document: the file of the configuration; None without one.
        root: the model that was validated; None = an experiment.
        assigned: values of the command line by dotted field name, which replaced those of the file; their sources are
            options.
    """
    model = root or ExperimentConfig
    origin, source = _Origin(document, assigned), document.source if document else "the configuration"
    problems = [_explained(place, details, origin, source) for place, details in _problems(error, model)]
    return ConfigError.of(problems, source)


@dataclass(frozen=True)
class Problem:
    """A problem of a configuration.

    Attributes:
        path: its path in the configuration.
        problem: what is wrong, without the path.
        fix: what to do; empty where the problem states it.
        fields: paths of the fields that the problem names, the most important first.
        contradiction: whether the values are valid alone, but do not go together.
    """

    path: KeyPath
    problem: str
    fix: str
    fields: tuple[KeyPath, ...] = ()
    contradiction: bool = False

    @property
    def named(self) -> str:
        """The path as the start of a message."""
        return f"{cut('.'.join(map(str, self.path)))}: " if self.path else ""


def problems_of(
    error: ValidationError, root: type[BaseModel], written: Callable[[KeyPath], str | None]
) -> list[Problem]:
    """Each problem of a configuration.

    Args:
        error: raised while validating.
        root: the model that was validated.
        written: how the value at a path is written; None where it is not known.
    """
    return [_problem(place, details, written(place.path)) for place, details in _problems(error, root)]


def _problem(place: Place, details: list[Any], written: str | None) -> Problem:
    refusal = details[0].get("ctx", {}).get("error")
    names = refusal.fields if isinstance(refusal, FieldError) else ()
    fields = tuple((*place.path, *name.split(".")) for name in names)
    return Problem(place.path, *what_is_wrong(place, details, written), fields, isinstance(refusal, ContradictionError))


class _Origin:
    """Where the values of a configuration came from."""

    def __init__(self, document: Document | None, assigned: Mapping[str, Document]) -> None:
        self._document = document or Document("", {}, {}, {})
        self._assigned = {tuple(name.split(".")): each for name, each in assigned.items()}

    def position(self, path: KeyPath, value: Any) -> tuple[str, int | None] | None:
        """The option of the value, or its file and line; None when it came from elsewhere."""
        own = in_experiment(path)
        place = self._place_of(path, value)
        option = next((each.source for name, each in self._assigned.items() if own[: len(name)] == name), None)
        if option is None and place is not None:
            return self._document.source, self._document.marks[place][0]
        if option is None and own:  # an option that sets a field of this section
            option = next((each.source for name, each in self._assigned.items() if name[: len(own)] == own), None)
        return None if option is None else (option, None)

    def written(self, path: KeyPath, value: Any) -> str | None:
        """The text of the value in the file; None where it is not known, or equals the value."""
        own = in_experiment(path)
        for name, each in self._assigned.items():
            if own[: len(name)] == name and own[len(name) :] in each.texts:
                return each.texts[own[len(name) :]]
        place = self._place_of(path, value)
        return None if place is None else self._document.texts.get(place)

    def _place_of(self, path: KeyPath, value: Any) -> KeyPath | None:
        for place in (path, path[2:], ("base", *path[2:])) if path[:1] == ("experiments",) else (path,):
            found = _at(self._document.content, place)
            if place in self._document.marks and _harmless(found, place) == _harmless(value, place):
                return place
        return None


def _harmless(value: Any, place: KeyPath) -> Any:
    """The value without credentials: values under such names were already hidden when they were refused."""
    return without_credentials(value, str(place[-1]))


def _problems(error: ValidationError, root: type[BaseModel]) -> Iterator[tuple[Place, list[Any]]]:
    """Errors by location, without pydantic's errors about branches of a union that the user did not choose."""
    found: dict[KeyPath, tuple[Place, list[Any]]] = {}
    for detail in error.errors(include_url=False):
        place = place_of(detail["loc"], root)
        found.setdefault(place.path, (place, []))[1].append(detail)
    for path, (place, details) in found.items():
        inside = any(len(other) > len(path) and other[: len(path)] == path for other in found)
        meant = [detail for detail in details if detail["type"] not in NEEDED] or ([] if inside else details)
        if meant:
            yield place, meant


def _explained(place: Place, details: list[Any], origin: _Origin, source: str) -> ConfigError:
    found = _problem(place, details, origin.written(place.path, details[0]["input"]))
    where, line = next(filter(None, _positions(place.path, details[0], origin)), (source, None))
    return ConfigError(f"{found.named}{found.problem}", found.fix, source=where, line=line)


def _positions(path: KeyPath, detail: Any, origin: _Origin) -> Iterator[tuple[str, int | None] | None]:
    """The positions of a problem, the most important first."""
    value, error = detail["input"], detail.get("ctx", {}).get("error")
    if isinstance(error, FieldError) and error.fields:
        named = (tuple(name.split(".")) for name in error.fields)
        yield from (origin.position((*path, *below), _at(value, below)) for below in named)
        return
    where = path[:-1] if detail["type"] == "missing" else path
    if where:
        yield origin.position(where, value)


def _at(fields: Any, path: KeyPath) -> Any:
    """The value at a path; None when there is none."""
    for key in path:
        if isinstance(fields, Mapping):
            fields = fields.get(key)
        elif isinstance(fields, (list, tuple)) and isinstance(key, int) and key < len(fields):
            fields = fields[key]
        else:
            return None
    return fields
