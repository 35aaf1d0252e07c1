"""Partial assignments: the entries of `exclude`, `reference`, and the values of an axis.

{precision: fp16, pytorch.batch_size: 32}
{precision: fp16, pytorch: {batch_size: 32}}
{"max_input_tokens, max_output_tokens": [128, 128]}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llenergymeasure.config.messages.format import cut, shown
from llenergymeasure.config.messages.suggest import nearest
from llenergymeasure.config.study.effective import key_of

Assignment = Mapping[str, Any]
"""Values by dotted field."""

# The fields below which any name is valid. A mapping of them is separated into its names, as that of a section is.
FREE = (("passthrough_kwargs",), ("server", "arguments"))

_ABSENT = object()
LISTED = 10


def path_of(name: str) -> tuple[str, ...]:
    """The keys of a dotted name: it is split at its first dot, below `server.arguments` also at the second."""
    for section in FREE:
        start = f"{'.'.join(section)}."
        if name.startswith(start):
            return (*section, name.removeprefix(start))
    return tuple(name.split(".", 1))


def flattened(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as values by dotted field; fields named together are separated.

    Raises:
        ValueError: fields named together have another number of values.
    """
    found: dict[str, Any] = {}
    for key, value in fields.items():
        for name, each in zip(names := split_key(str(key)), values_of(names, value), strict=True):
            found.update({".".join(path): leaf for path, leaf in leaves_of(path_of(name), each)})
    return found


def leaves_of(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A value, or each field of a section. Sections are one level deep, except those below which any name is valid."""
    if isinstance(value, Mapping) and value and (len(path) == 1 or path in FREE):
        for key, inner in value.items():
            yield from leaves_of((*path, str(key)), inner)
    else:
        yield path, value


def split_key(key: str) -> tuple[str, ...]:
    """`a, b` as its names."""
    return tuple(name.strip() for name in key.split(","))


def values_of(names: Sequence[str], value: Any) -> tuple[Any, ...]:
    """One value for each of the names.

    Raises:
        ValueError: several names, and not as many values.
    """
    if len(names) == 1:
        return (value,)
    if not isinstance(value, (list, tuple)) or len(value) != len(names):
        raise ValueError(f"{shown(value)} is not a list of {len(names)} values, one for each of {', '.join(names)}")
    return tuple(value)


def matches(condition: Assignment, cell: Assignment) -> bool:
    """Whether the cell has all values of the condition."""
    return all(key_of(cell.get(name, _ABSENT)) == key_of(value) for name, value in condition.items())


def levels_of(name: str, cells: Iterable[Assignment]) -> list[Any]:
    """The values of a field in the cells, in order of first appearance."""
    found = {key_of(cell[name]): cell[name] for cell in cells if name in cell}
    return list(found.values())


def why_none(condition: Assignment, cells: Sequence[Assignment]) -> tuple[str, str]:
    """Problem and fix of a condition that no cell fulfils: the first name or value that does not occur."""
    names = list(dict.fromkeys(name for cell in cells for name in cell))
    for name, value in condition.items():
        if name not in names:
            return f"{cut(name)} is not a field of these cells", nearest(name, names)
        levels = levels_of(name, cells)
        if key_of(value) not in {key_of(level) for level in levels}:
            texts = [shown_level(level) for level in levels]
            text = shown(value) if shown_level(value) in texts else shown_level(value)  # "1" where a level is 1
            hint = nearest(shown_level(value), texts)
            return f"no cell has {name} {text}", " ".join(filter(None, (hint, f"levels: {listed(levels)}")))
    return "no cell has these values together", "change one of them"


def shown_level(value: Any) -> str:
    """A value as people read it: text without quotes, `4` for 4.0."""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return cut(value) if isinstance(value, str) and value else shown(value)


def listed(values: Sequence[Any]) -> str:
    """The first values as text."""
    texts = [shown_level(value) for value in values[:LISTED]]
    return ", ".join([*texts, f"and {len(values) - LISTED} more"] if len(values) > LISTED else texts)
