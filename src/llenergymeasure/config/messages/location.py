"""Converts the location in a pydantic error to the path in the user's file.

Pydantic's location also contains the branch of a union and the class of a section:
`dataset.SyntheticDatasetConfig.n` is `dataset.n` in YAML.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel

Path = tuple[str | int, ...]


class Place(NamedTuple):
    """The location of a problem in a configuration.

    Attributes:
        path: keys and list indices, as in YAML.
        owner: the model that holds the last key; None below a plain mapping.
    """

    path: Path
    owner: type[BaseModel] | None

    def __str__(self) -> str:
        return ".".join(map(str, self.path))


def place_of(location: Sequence[str | int], root: type[BaseModel]) -> Place:
    """The location of an error's `loc` in a configuration whose top-level model is `root`."""
    path: Path = ()
    owner: type[BaseModel] | None = None
    kind: Any = root
    for part in location:
        branches = branches_of(kind)
        if part == "[key]":  # the key itself is wrong; what follows is a branch of its type
            break
        if len(branches) > 1:
            kind = next((branch for branch in branches if _is_named(branch, str(part))), None)
            continue
        owner = _model(branches[0]) if branches else None
        kind = _below(branches[0], part) if branches else None
        path = (*path, part)
    return Place(path, owner)


def in_experiment(path: Path) -> Path:
    """The path in its experiment, of one in a list of experiments."""
    return path[2:] if path[:1] == ("experiments",) else path


def field_paths(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every field below a model, sections included."""
    for name, field in model.model_fields.items():
        yield (*prefix, name)
        for branch in branches_of(field.annotation):
            inner = _model(branch)
            if inner is not None:
                yield from field_paths(inner, (*prefix, name))


def section_of(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The model of a section; None for a plain field, and for what is no field."""
    field = model.model_fields.get(name)
    branches = branches_of(field.annotation) if field else ()
    return next(filter(None, map(_model, branches)), None)


def branches_of(kind: Any) -> tuple[Any, ...]:
    """The members of a union without None; a single one for anything else."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(branch for member in get_args(kind) if member is not type(None) for branch in branches_of(member))
    return () if kind is None else (kind,)


def _model(kind: Any) -> type[BaseModel] | None:
    plain = isinstance(kind, type) and get_origin(kind) is None  # Python 3.10 takes dict[str, int] for a class
    return kind if plain and issubclass(kind, BaseModel) else None


def _is_named(branch: Any, label: str) -> bool:
    """Whether this branch is the one that pydantic calls `SyntheticDatasetConfig`, `str` or `dict[str,...]`."""
    return label.partition("[")[0] == getattr(get_origin(branch) or branch, "__name__", "")


def _below(kind: Any, part: str | int) -> Any:
    model = _model(kind)
    if model is not None:
        field = model.model_fields.get(str(part))
        return field.annotation if field else None
    arguments = get_args(kind)
    if get_origin(kind) in (dict, Mapping) and len(arguments) == 2:
        return arguments[1]
    return arguments[0] if arguments else None
