"""Pydantic's errors as a text that a person can act on: one line per problem, with the line of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from llenergymeasure.config.files.yaml import KeyPath, key_lines, read_mapping
from llenergymeasure.config.messages.format import cut
from llenergymeasure.config.messages.location import Place, place_of
from llenergymeasure.config.messages.text import NEEDED, what_is_wrong
from llenergymeasure.config.models import ExperimentConfig, StudyConfig
from llenergymeasure.config.passthrough import without_credentials


def explain_validation_error(
    error: ValidationError, source: str | Path | None = None, root: type[BaseModel] | None = None
) -> str:
    """One line; of several problems a head and one line each.

    Args:
        error: raised while validating a configuration.
        source: the YAML file that it came from; None without one.
        root: the model that was validated; None = an experiment or a study, as the error says.
    """
    model = root or (StudyConfig if error.title == StudyConfig.__name__ else ExperimentConfig)
    file = _Source(source)
    problems = [_in_words(place, details, file) for place, details in _problems(error, model)]
    name = str(source or "the configuration")
    if len(problems) == 1:
        return f"{name}{', ' if problems[0].startswith('line ') else ': '}{problems[0]}"
    return "\n".join([f"{len(problems)} problems in {name}", *(f"- {problem}" for problem in problems)])


def problems_of(error: ValidationError, root: type[BaseModel]) -> list[tuple[KeyPath, str]]:
    """Each problem with its path in the configuration: a sentence without its place."""
    return [(place.path, what_is_wrong(place, details)) for place, details in _problems(error, root)]


class _Source:
    """The file behind a configuration, if there is one."""

    def __init__(self, path: str | Path | None) -> None:
        self._lines = {} if path is None else key_lines(path)
        self._fields = read_mapping(path) if path is not None and self._lines else {}

    def line_of(self, path: KeyPath, value: Any) -> int | None:
        """Where the value stands; None when it came from elsewhere, such as the command line."""
        for place in (path, ("base", *path[2:])) if path[:1] == ("experiments",) else (path,):
            if place in self._lines and _harmless(_at(self._fields, place), place) == _harmless(value, place):
                return self._lines[place]
        return None


def _harmless(value: Any, place: KeyPath) -> Any:
    """The value as a message may hold it: what stands under such a name was hidden already when it was refused."""
    return without_credentials(value, str(place[-1]))


def _problems(error: ValidationError, root: type[BaseModel]) -> Iterator[tuple[Place, list[Any]]]:
    """Errors by place, without what pydantic says about branches of a union that were not meant."""
    found: dict[KeyPath, tuple[Place, list[Any]]] = {}
    for detail in error.errors(include_url=False):
        place = place_of(detail["loc"], root)
        found.setdefault(place.path, (place, []))[1].append(detail)
    for path, (place, details) in found.items():
        inside = any(len(other) > len(path) and other[: len(path)] == path for other in found)
        meant = [detail for detail in details if detail["type"] not in NEEDED] or ([] if inside else details)
        if meant:
            yield place, meant


def _in_words(place: Place, details: list[Any], file: _Source) -> str:
    line = _line(place.path, details[0], file)
    return "".join(
        [f"line {line}: " if line else "", f"{cut(str(place))}: " if place.path else "", what_is_wrong(place, details)]
    )


def _line(path: KeyPath, detail: Any, file: _Source) -> int | None:
    value = detail["input"]
    if detail["type"] == "value_error" and isinstance(value, Mapping):
        named = (tuple(name.split(".")) for name in re.findall(r"[\w.]*\w", detail["msg"]))
        lines = (file.line_of((*path, *below), _at(value, below)) for below in named)
        return next((line for line in lines if line), None)
    where = path[:-1] if detail["type"] == "missing" else path
    return file.line_of(where, value) if where else None


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
