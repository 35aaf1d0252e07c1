"""The parts of a study's file: what all cells share, the axes, and the entries of `experiments`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llenergymeasure.config.files.yaml import Document, read_experiment
from llenergymeasure.config.loader import with_overrides
from llenergymeasure.config.messages.format import cut, shown
from llenergymeasure.config.models import STUDY_KEYS
from llenergymeasure.config.study.axes import Axis, axes_in
from llenergymeasure.config.study.conditions import leaves_of
from llenergymeasure.config.study.grid import overlap
from llenergymeasure.config.study.layers import Layer, error_at, fields_of
from llenergymeasure.exceptions import ConfigError

COMMAND_LINE = "the command line"


@dataclass(frozen=True)
class Parts:
    """What a study's file and the command line state.

    Attributes:
        document: the file.
        below: layers below the axes: base and common fields.
        above: layers above everything: the options of the command line.
        axes: the axes of the file, then those of the command line.
        entries: one layer per entry of `experiments`.
    """

    document: Document
    below: tuple[Layer, ...]
    above: tuple[Layer, ...]
    axes: tuple[Axis, ...]
    entries: tuple[Layer, ...]


def parts_of(
    document: Document, overrides: Mapping[str, Any], sweeps: Sequence[Axis], assigned: Mapping[str, Document]
) -> Parts:
    """Read the parts of a study.

    Args:
        document: the file.
        overrides: values of the command line by dotted field.
        sweeps: axes of the command line; one of the same name replaces that of the file.
        assigned: the options that the overrides came from, by dotted field.

    Raises:
        ConfigError: with every problem of the axes, or the first of another part.
    """
    fields = {key: value for key, value in document.content.items() if key not in STUDY_KEYS}
    common = Layer(fields, document)
    below = (*_base(document), common)
    entries = tuple(_entries(document))
    for each in ((), *((entry,) for entry in entries)):
        with_overrides(fields_of((*below, *each)), overrides)  # refuses a field below a plain value
    options = {name: assigned.get(name, Document(COMMAND_LINE, {}, {}, {})) for name in overrides}
    above = tuple(
        Layer(with_overrides({}, {name: overrides[name]}), option, covers=tuple(name.split(".")))
        for name, option in options.items()
    )
    own = _axes(document)
    problems = [*_conflicts(own, common), *_overridden((*own, *sweeps), options), *_repeated(sweeps)]
    if problems:
        raise ConfigError.of(problems, document.source)
    return Parts(document, below, above, _replaced(own, sweeps), entries)


def _base(document: Document) -> Iterator[Layer]:
    """The layer of `base:`: a file with an experiment, or a mapping of fields."""
    base = document.content.get("base")
    if isinstance(base, str):
        yield Layer((other := _base_file(document, base)).content, other)
    elif isinstance(base, Mapping):
        yield Layer(base, document, ("base",))
    elif base is not None:
        fix = "write the fields that all experiments share below it, or the path of a file"
        raise error_at(document, f"'base:' is {shown(base)}", fix, ("base",))


def _base_file(document: Document, name: str) -> Document:
    try:
        found = read_experiment(Path(document.source).parent / name)
    except ConfigError as error:
        if error.source:  # the file was read, and the error names its place in it
            raise
        fix = f"check the path; it is relative to the folder of {document.source}"
        raise error_at(document, f"base: {cut(error.problem, 300)}", fix, ("base",)) from error
    study = next((key for key in STUDY_KEYS if key in found.content), None)
    if study is not None:
        problem = f"{found.source} is the base of {document.source} and has '{study}:' itself"
        raise error_at(found, problem, "a base must be a file with one experiment", (study,))
    return found


def _axes(document: Document) -> tuple[Axis, ...]:
    """The axes of `sweep:`."""
    if "sweep" not in document.content:
        return ()
    sweep = document.content["sweep"]
    if not isinstance(sweep, Mapping) or not sweep:
        fix = "write one `field: [value, value]` per axis below it"
        raise error_at(document, f"'sweep:' is {shown(sweep)}, but needs at least one axis", fix, ("sweep",))
    found = list(axes_in(document, sweep, ("sweep",)))
    problems = [each for each in found if isinstance(each, ConfigError)]
    if problems:
        raise ConfigError.of(problems, document.source)
    return tuple(each for each in found if isinstance(each, Axis))


def _entries(document: Document) -> Iterator[Layer]:
    """One layer per entry of `experiments:`."""
    if "experiments" not in document.content:
        return
    listed = document.content["experiments"]
    if not isinstance(listed, list) or not listed:
        fix = "write one `- model: ...` per experiment"
        raise error_at(document, "'experiments:' is not a list with entries", fix, ("experiments",))
    for index, each in enumerate(listed):
        place = ("experiments", index)
        if not isinstance(each, Mapping):
            problem = f"experiment {index + 1} is {shown(each)}"
            raise error_at(document, problem, "write fields such as `model: ...`", place)
        yield Layer(each, document, place)


def _repeated(sweeps: Sequence[Axis]) -> Iterator[ConfigError]:
    """Axes of the command line that have the fields of an earlier one."""
    for index, axis in enumerate(sweeps):
        if frozenset(axis.fields) in {frozenset(each.fields) for each in sweeps[:index]}:
            yield axis.error("it is given twice", "write all of its values in one --sweep")


def _replaced(axes: Sequence[Axis], sweeps: Sequence[Axis]) -> tuple[Axis, ...]:
    """The axes of the file, those with the fields of an axis of the command line replaced by it, then the others."""
    by_fields = {frozenset(axis.fields): axis for axis in sweeps}
    replaced = [by_fields.pop(frozenset(axis.fields), axis) for axis in axes]
    return (*replaced, *by_fields.values())


def _conflicts(axes: Sequence[Axis], common: Layer) -> Iterator[ConfigError]:
    """Axes of the file whose fields the file also sets for all cells."""
    for axis in axes:
        for path in _leaves(common.fields, axis.leaves):
            problem = f"{'.'.join(path)} is an axis of the sweep, and is also set for all cells"
            yield error_at(common.document, problem, "remove one", path)


def _leaves(fields: Mapping[str, Any], axis: set[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Path of each field that an axis sets too; an empty section sets nothing."""
    for name, value in fields.items():
        for path, _ in leaves_of((name,), value):
            if path in axis or (value and any(overlap(path, leaf) for leaf in axis)):
                yield path


def _overridden(axes: Sequence[Axis], options: Mapping[str, Document]) -> Iterator[ConfigError]:
    """Axes whose fields an option also sets for all cells."""
    for axis in axes:
        for name, option in options.items():
            if any(overlap(tuple(name.split(".")), leaf) for leaf in axis.leaves):
                yield axis.error(
                    f"is an axis of the sweep, and {option.source} sets {name} for all cells", "remove one"
                )
