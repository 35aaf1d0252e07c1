"""The yaml door: one mapping from one file, and every way in which that can fail.

A file is refused before it costs memory: by its size before reading, by the number of nodes its aliases expand to and
by its depth before anything is built. Only plain data is built (YAML 1.2 numbers such as 1e-3 included); a tag such as
`!!python/object` is an error, and so is a key that stands twice.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from llenergymeasure.exceptions import ConfigError

MAX_BYTES = 2**20
MAX_NODES = 100_000
MAX_DEPTH = 50

Key = tuple[str, ...]


class _Loader(yaml.SafeLoader):
    """Plain data, with numbers as people write them."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def read_mapping(path: str | Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Raises:
        ConfigError: the file is missing, unreadable, too large, broken (with its line) or not a mapping.
    """
    path = Path(path)
    return _mapping_of(_text_of(path), str(path))


def read_experiment(path: str | Path) -> dict[str, Any]:
    """Read the fields of an experiment; a top-level `version:` is accepted and dropped."""
    fields = read_mapping(path)
    fields.pop("version", None)
    return fields


def parse_value(text: str) -> Any:
    """One value as YAML writes it: `4`, `null`, `[1, 2]`, `{a: b}`, `text`.

    Raises:
        ConfigError: it is not YAML.
    """
    node = _composed(text, repr(text))
    return None if node is None else _built(node, repr(text))


def key_lines(path: str | Path) -> dict[Key, int]:
    """Line of every key, by its path; empty when the file cannot be read."""
    lines: dict[Key, int] = {}
    try:
        node = _composed(_text_of(Path(path)), str(path))
    except ConfigError:
        return lines
    _collect_lines(node, (), lines)
    return lines


def _text_of(path: Path) -> str:
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a directory; name a YAML file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; check the path") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{str(path)!r} cannot be read: {error}") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path} is larger than 1 MiB; an experiment file is a few lines")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8; save the file as UTF-8") from error


def _mapping_of(text: str, source: str) -> dict[str, Any]:
    node = _composed(text, source)
    if node is None:
        raise ConfigError(f"{source} is empty; at least `model:` is needed")
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{source}, line {_line(node)}: a mapping (key: value) is needed at the top")
    fields: dict[str, Any] = _built(node, source)
    return fields


def _composed(text: str, source: str) -> yaml.Node | None:
    """The tree of nodes, checked; nothing is built yet."""
    try:
        loader = _Loader(text)
        try:
            node: yaml.Node | None = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ConfigError(_explained(error, source)) from error
    except RecursionError:
        raise ConfigError(f"{source} is nested too deeply; at most {MAX_DEPTH} levels") from None
    if node is not None:
        _check(node, source, depth=1, sizes={}, open_nodes=set())
    return node


def _check(node: yaml.Node, source: str, depth: int, sizes: dict[int, int], open_nodes: set[int]) -> int:
    """Number of nodes that this one expands to, aliases written out; each node is visited once."""
    if id(node) in sizes:
        return sizes[id(node)]
    if depth > MAX_DEPTH or id(node) in open_nodes:
        raise ConfigError(f"{source}, line {_line(node)}: nested too deeply, at most {MAX_DEPTH} levels")
    open_nodes.add(id(node))
    if isinstance(node, yaml.MappingNode):
        _check_keys(node, source)
    size = 1 + sum(_check(child, source, depth + 1, sizes, open_nodes) for child in _children(node))
    if size > MAX_NODES:
        raise ConfigError(f"{source}, line {_line(node)}: its aliases expand to more than {MAX_NODES} values")
    open_nodes.discard(id(node))
    sizes[id(node)] = size
    return size


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _check_keys(node: yaml.MappingNode, source: str) -> None:
    """Keys are plain and stand once. A merge key `<<` may stand beside the keys it provides."""
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"{source}, line {_line(key)}: a key must be plain text")
        if key.value in seen:
            raise ConfigError(
                f"{source}, line {_line(key)}: '{key.value}' stands twice, first in line {seen[key.value]}; keep one"
            )
        seen[key.value] = _line(key)


def _built(node: yaml.Node, source: str) -> Any:
    loader = _Loader("")
    try:
        value = loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ConfigError(_explained(error, source)) from error
    except (ValueError, OverflowError, RecursionError) as error:  # such as the date 2026-02-31
        raise ConfigError(f"{source}: {error}") from error
    finally:
        loader.dispose()
    return _with_text_keys(value)


def _with_text_keys(value: Any) -> Any:
    """Keys are names: `0:` and `on:` are text to us, except numbers, which name devices in `max_memory`."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, int) and not isinstance(key, bool) else str(key): _with_text_keys(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_text_keys(inner) for inner in value]
    return value


def _collect_lines(node: yaml.Node | None, place: Key, lines: dict[Key, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            lines[inner] = _line(key)
            _collect_lines(value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            inner = (*place, str(index))
            lines[inner] = _line(value)
            _collect_lines(value, inner, lines)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _explained(error: yaml.YAMLError, source: str) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f"{source}, line {mark.line + 1}, column {mark.column + 1}" if mark else source
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    if "could not determine a constructor for the tag" in problem:
        problem += "; only plain data is read"
    return f"{place}: {problem}"
