"""The axes of a sweep.

precision: [fp16, bf16]                                        a field, two values
pytorch.batch_size: [1, 8, 32]                                 a field of a section, the name split at the first dot
max_input_tokens, max_output_tokens: [[128, 128], [1024, 256]]   two fields named together, two values
decoder: [{}, {decoding_strategy: beam, num_beams: 4}]         a section, two values
server.arguments.max-num-seqs: [64, 256]                       an argument of a server, two values
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from llenergymeasure.config.files.yaml import Document, KeyPath, parse_value
from llenergymeasure.config.messages.format import cut, shown
from llenergymeasure.config.messages.location import field_paths, section_of
from llenergymeasure.config.messages.suggest import did_you_mean
from llenergymeasure.config.models import RENAMED_FIELDS, ExperimentConfig
from llenergymeasure.config.ssot import BACKEND_OF_SECTION
from llenergymeasure.config.study.conditions import FREE, Assignment, flattened, path_of, split_key, values_of
from llenergymeasure.config.study.effective import key_of
from llenergymeasure.config.study.layers import Layer, error_at
from llenergymeasure.exceptions import ConfigError


@dataclass(frozen=True)
class AxisValue:
    """One value of an axis.

    Attributes:
        layers: the fields that it sets, one layer for each.
        assignment: the same by dotted name.
    """

    layers: tuple[Layer, ...]
    assignment: Assignment


@dataclass(frozen=True)
class Axis:
    """A choice of the sweep.

    Attributes:
        document: what it was read from.
        at: path of its key in the document.
        fields: path of each of its fields.
        values: at least one.
    """

    document: Document
    at: KeyPath
    fields: tuple[tuple[str, ...], ...]
    values: tuple[AxisValue, ...]

    @property
    def name(self) -> str:
        """The dotted names of its fields, separated by commas."""
        return ", ".join(map(".".join, self.fields))

    @cached_property
    def backend(self) -> str | None:
        """The backend whose section it sets; None for an axis of every backend."""
        return next((BACKEND_OF_SECTION[path[0]] for path in self.fields if path[0] in BACKEND_OF_SECTION), None)

    @cached_property
    def sets_backend(self) -> bool:
        """Whether the backend is one of its fields."""
        return ("backend",) in self.fields

    @property
    def leaves(self) -> set[tuple[str, ...]]:
        """Path of every field that one of its values sets; an empty section sets nothing."""
        assignments = [value.assignment for value in self.values]
        return {path_of(name) for each in assignments for name, value in each.items() if value != {}}

    def error(self, problem: str, fix: str = "") -> ConfigError:
        """A problem of this axis, with its place."""
        return error_at(self.document, f"{self.name}: {problem}", fix, self.at)


def axes_in(document: Document, sweep: Mapping[Any, Any], at: KeyPath) -> Iterator[Axis | ConfigError]:
    """Each axis of a `sweep:` mapping, or what is wrong with it.

    Args:
        document: what it was read from.
        sweep: the mapping.
        at: path of the mapping in the document.
    """
    for key, values in sweep.items():
        place = (*at, key)
        problem = _problem_of_axis(key, values)
        yield error_at(document, *problem, place) if problem else axis_of(document, str(key), values, place)


def axis_of(document: Document, key: str, values: Sequence[Any], at: KeyPath) -> Axis | ConfigError:
    """The axis of a key and its values, or what is wrong with it."""
    names = split_key(key)
    fields = tuple(map(path_of, names))
    problem = next(filter(None, map(_problem_of_name, fields)), None)
    if problem:
        return error_at(document, *problem, at)
    found, seen = [], set[Hashable]()
    for index, value in enumerate(values):
        if key_of(value) in seen:
            return error_at(document, f"{cut(key)}: {shown(value)} is listed twice", "keep one", (*at, index))
        seen.add(key_of(value))
        try:
            found.append(_value(document, names, value, (*at, index)))
        except ValueError as error:
            return error_at(document, f"{cut(key)}: {error}", "for example [128, 64]", (*at, index))
    return Axis(document, at, fields, tuple(found))


def parse_sweep(text: str) -> Axis:
    """`pytorch.batch_size=1,8,32` as an axis; `max_input_tokens,max_output_tokens=[128,64],[256,64]` names two together.

    Raises:
        ConfigError: not KEY=V1,V2, values that are not YAML, or an axis that is not valid.
    """
    key, equals, values = (part.strip() for part in text.partition("="))
    example = "for example pytorch.batch_size=1,8,32"
    if not (key and equals and values):
        raise ConfigError(f"sweep {shown(text)} is not KEY=V1,V2", example)
    try:
        parsed = parse_value(f"[{values}]")
    except ConfigError as error:
        raise ConfigError(f"--sweep {cut(key)} is not understood: {error}", example) from error
    document = Document(
        "--sweep", {key: parsed.content}, {}, {(key, *path): text for path, text in parsed.texts.items()}
    )
    (axis,) = axes_in(document, {key: parsed.content}, ())
    if isinstance(axis, ConfigError):
        raise axis
    return axis


def _value(document: Document, names: Sequence[str], value: Any, at: KeyPath) -> AxisValue:
    layers = []
    for index, (name, each) in enumerate(zip(names, values_of(names, value), strict=True)):
        path = path_of(name)
        layers.append(Layer(_nested(path, each), document, at if len(names) == 1 else (*at, index), path))
    return AxisValue(tuple(layers), flattened(dict(zip(names, values_of(names, value), strict=True))))


def _nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    """The value of a field, nested as in an experiment."""
    *sections, last = path
    nested: dict[str, Any] = {last: value}
    for section in reversed(sections):
        nested = {section: nested}
    return nested


def _problem_of_axis(key: Any, values: Any) -> tuple[str, str] | None:
    """Problem and fix of what is written, before its fields are known."""
    if not isinstance(key, str):
        return f"{shown(key)} is not the name of a field", "quote it if it is text"
    name = cut(key)
    if isinstance(values, Mapping):
        inner = cut(str(next(iter(values), "field")))
        return f"{name} is a mapping, not a list of values", f"write {name}.{inner}: [...]"
    if not isinstance(values, list):
        return f"{name} is {shown(values, key)}, not a list of values", f"write {name}: [{_as_items(values, key)}]"
    if "" in split_key(key):
        return f"{shown(key)} lacks a name", "write the name of a field, or remove the comma"
    return None if values else (f"{name} has no values", "list at least one, or remove the axis")


def _as_items(values: Any, key: str) -> str:
    """What was written instead of a list, as its items: the text `1, 4` is meant as two values."""
    return values if isinstance(values, str) and "," in values else shown(values, key)


def _problem_of_name(path: tuple[str, ...]) -> tuple[str, str] | None:
    """Problem and fix of a name that is no field of an experiment."""
    if path in _FIELDS or (path[:-1] in FREE and path[-1]):
        return None
    if path[0] in RENAMED_FIELDS:
        return f"'{path[0]}' is now called '{RENAMED_FIELDS[path[0]]}'", "rename it"
    section = section_of(ExperimentConfig, path[0]) if len(path) == 2 else None
    fix = did_you_mean(path[-1] if section else path[0], section or ExperimentConfig, path[:1] if section else ())
    return f"{cut('.'.join(path))}: there is no such field", fix


_FIELDS = frozenset(field_paths(ExperimentConfig))
