"""The yaml door: `safe_load` semantics, no key twice, and limits that hold before memory is spent."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from llenergymeasure.config.files.limits import SizeCounter, TooMuchError
from llenergymeasure.config.files.text import read_text
from llenergymeasure.exceptions import ConfigError

# Digits become a number in quadratic time.
MAX_NUMBER_LENGTH = 100

_TAG = "tag:yaml.org,2002:"
# YAML 1.1 takes 1e-3 for text, because it has no dot.
_FLOAT_WITH_EXPONENT = re.compile(r"^[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)[eE][-+]?[0-9]+$")

KeyPath = tuple[str | int, ...]


class _Refused(yaml.MarkedYAMLError):
    """Well-formed YAML that is not accepted; the problem names its cure."""

    def __init__(self, problem: str, mark: Any) -> None:
        super().__init__(problem=problem, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """SafeLoader that counts nodes as it composes them, and takes each key once.

    Pure Python on purpose: libyaml composes in C, where nothing can be counted and deep nesting overflows the stack.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._tally = SizeCounter()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        try:
            if isinstance(event, yaml.AliasEvent):
                self._tally.alias(str(event.anchor))
                return super().compose_node(parent, index)
            self._tally.enter(event.anchor)
        except TooMuchError as error:
            raise _Refused(str(error), event.start_mark) from error
        node = super().compose_node(parent, index)
        self._tally.leave()
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            key = self._key(key_node)
            if key in lines:
                problem = f"'{_short(key_node.value)}' stands twice, first in line {lines[key]}; keep one"
                raise _Refused(problem, key_node.start_mark)
            lines[key] = _line(key_node)
        return node

    def _key(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            key = (node.tag,) if node.tag == f"{_TAG}merge" else self.construct_object(node)
            if isinstance(key, Hashable):  # `!!set` makes a set of a scalar
                return key
        raise _Refused("a list or a mapping cannot be a key; use text", node.start_mark)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag in (f"{_TAG}int", f"{_TAG}float") and len(node.value) > MAX_NUMBER_LENGTH:
            raise _Refused(f"a number of {len(node.value)} characters; quote it to mean text", node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
            raise _Refused(f"not a valid {_kind(node)}; quote it to mean text", node.start_mark) from error

    def refuse_tag(self, node: yaml.Node) -> None:
        """Called for every tag that `safe_load` does not know."""
        tag = _short(node.tag.replace(_TAG, "!!"))
        raise _Refused(f"tag {tag} is refused; write plain values without tags", node.start_mark)


_Loader.add_implicit_resolver(f"{_TAG}float", _FLOAT_WITH_EXPONENT, list("-+.0123456789"))
_Loader.add_constructor(None, _Loader.refuse_tag)


def read_mapping(path: str | Path, *, allow_empty: bool = False) -> dict[str, Any]:
    """Read a YAML file whose top level is a mapping with text keys.

    Args:
        path: the file, at most 1 MiB of UTF-8.
        allow_empty: a file without any value is an empty mapping.

    Raises:
        ConfigError: missing, unreadable, too large, broken or not a mapping, with file, line and cure.
    """
    text = read_text(Path(path))
    with _errors_named(str(path), text):
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None and allow_empty:
            return {}
        _check_top_level(loader, root)
        mapping: dict[str, Any] = loader.construct_document(root)
        return mapping


def read_experiment(path: str | Path) -> dict[str, Any]:
    """Read the fields of a configuration file: its mapping without a top-level `version:`.

    Raises:
        ConfigError: as `read_mapping`.
    """
    return {key: value for key, value in read_mapping(path).items() if key != "version"}


def key_lines(path: str | Path) -> dict[KeyPath, int]:
    """Where each key and list item of a file stands, as line numbers from 1; empty for a file that cannot be read."""
    return {place: line for place, (line, _) in key_marks(path).items()}


def key_marks(path: str | Path) -> dict[KeyPath, tuple[int, int]]:
    """Where each key and list item of a file stands: line and column from 1; empty for a file that cannot be read."""
    if not Path(path).is_file():
        return {}  # a pipe is empty by now
    try:
        text = read_text(Path(path))
        with _errors_named(str(path), text):
            loader = _Loader(text)
            return dict(_marks_below(loader, loader.get_single_node(), ()))
    except ConfigError:
        return {}


def parse_value(text: str) -> Any:
    """One value as YAML reads it after a colon: a scalar, `[a list]` or `{a: mapping}`; block forms stay text.

    Raises:
        ConfigError: a bracket, brace or quote is not closed, or a tag is given.
    """
    with _errors_named("the value", text):
        loader = _Loader(text)
        node = loader.get_single_node()
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            return text
        return None if node is None else loader.construct_document(node)


@contextmanager
def _errors_named(place: str, text: str) -> Iterator[None]:
    """Turn yaml's errors into ours, with the place and the line."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{place}, line {mark.line + 1}, column {mark.column + 1}" if mark else place
        raise ConfigError(f"{at}: {_in_words(error)}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"character U+{ord(text[error.position]):04X} is not allowed in YAML; remove it"
        raise ConfigError(f"{place}, line {line}: {problem}") from error


def _in_words(error: yaml.MarkedYAMLError) -> str:
    if isinstance(error, _Refused):
        return str(error.problem)
    context = f" ({error.context})" if error.context else ""
    return f"broken YAML: {_short(error.problem)}{context}; check indentation, colons and quotes there"


def _check_top_level(loader: _Loader, root: yaml.Node | None) -> None:
    cure = "write lines such as `model: builtin/tiny-llama`"
    if root is None:
        raise _Refused(f"the file is empty; {cure}", None)
    if not isinstance(root, yaml.MappingNode) or root.tag != f"{_TAG}map":
        raise _Refused(f"the top level is '{_kind(root)}', not a mapping; {cure}", root.start_mark)
    loader.flatten_mapping(root)
    for key_node, _ in root.value:
        if key_node.tag != f"{_TAG}str":
            problem = f"key '{_short(key_node.value)}' is of type {_kind(key_node)} in YAML; quote it to mean text"
            raise _Refused(problem, key_node.start_mark)


def _marks_below(loader: _Loader, node: yaml.Node | None, prefix: KeyPath) -> Iterator[tuple[KeyPath, tuple[int, int]]]:
    for key, key_node, value in _children(loader, node):
        place = (*prefix, key)
        mark: Any = key_node.start_mark
        yield place, (int(mark.line) + 1, int(mark.column) + 1)
        yield from _marks_below(loader, value, place)


def _children(loader: _Loader, node: yaml.Node | None) -> list[tuple[Any, yaml.Node, yaml.Node]]:
    """Key or index, the node whose line tells the place, and the node of the value."""
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
        return [(loader.construct_object(key), key, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(index, item, item) for index, item in enumerate(node.value)]
    return []


def _line(node: yaml.Node) -> int:
    mark: Any = node.start_mark
    return int(mark.line) + 1


def _kind(node: yaml.Node) -> str:
    name = _short(node.tag.replace(_TAG, ""))
    return {"str": "text", "seq": "list", "map": "mapping"}.get(name, name)


def _short(text: object) -> str:
    """Enough of a text to find it again: a key may have a million characters."""
    shown = str(text)
    return shown if len(shown) <= 100 else f"{shown[:97]}..."
