"""The only module that imports yaml: plain values, decimal numbers, unique keys, and limits checked before expansion."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any, NoReturn

import yaml

from llenergymeasure._numerals import ANY_NOTATION, DECIMAL_FRACTION, DECIMAL_INTEGER
from llenergymeasure.config.files.beside import with_files_beside
from llenergymeasure.config.files.limits import SizeCounter, TooMuchError
from llenergymeasure.config.files.text import read_text
from llenergymeasure.exceptions import ConfigError

# Converting digits to a number takes quadratic time.
MAX_NUMBER_LENGTH = 100

_TAG = "tag:yaml.org,2002:"
_OTHER_NUMBER = "!number-that-is-not-decimal"
_NUMBERS = (f"{_TAG}int", f"{_TAG}float", _OTHER_NUMBER)

KeyPath = tuple[str | int, ...]
Mark = tuple[int, int]
"""Line and column, from 1."""


@dataclass(frozen=True)
class Document:
    """A YAML text, parsed once.

    Attributes:
        source: the file's path, or another name of the text, for messages.
        content: its value.
        marks: line and column of each key and list item.
        texts: how numbers, switches and nulls are written: `1e3`, `off`, `~`.
        text: the whole text of a file; empty for another source.
    """

    source: str
    content: Any
    marks: Mapping[KeyPath, Mark]
    texts: Mapping[KeyPath, str]
    text: str = ""


class _Refused(yaml.MarkedYAMLError):
    """Well-formed YAML that is not accepted, with its fix."""

    def __init__(self, problem: str, fix: str, mark: Any) -> None:
        self.fix = fix
        super().__init__(problem=problem, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """SafeLoader that counts nodes as it composes them, refuses duplicate keys, and reads decimal numbers only.

    It is pure Python on purpose: libyaml composes in C, where nodes are not counted and deep nesting overflows the stack.
    """

    # Only these resolvers of YAML 1.1 are kept: no field is a date, and its non-decimal numbers are refused.
    yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] in (f"{_TAG}null", f"{_TAG}bool", f"{_TAG}merge")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

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
            raise _Refused(error.problem, error.fix, event.start_mark) from error
        node = super().compose_node(parent, index)
        self._tally.leave()
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            key = self._key(key_node)
            if key in lines:
                problem = f"'{_short(key_node.value)}' is given twice, first in line {lines[key]}"
                raise _Refused(problem, "keep one", key_node.start_mark)
            lines[key] = _mark(key_node)[0]
        return node

    def _key(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            key = (node.tag,) if node.tag == f"{_TAG}merge" else self.construct_object(node)
            if isinstance(key, Hashable):  # `!!set` makes a set of a scalar
                return key
        raise _Refused("a list or a mapping cannot be a key", "use text", node.start_mark)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag in _NUMBERS and len(node.value) > MAX_NUMBER_LENGTH:
            raise _Refused(f"a number of {len(node.value)} characters", "quote it if it is text", node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
            raise _Refused(f"not a valid {_kind(node)}", "quote it if it is text", node.start_mark) from error

    def decimal_integer(self, node: yaml.Node) -> int:
        return int(self._decimal(node, DECIMAL_INTEGER))

    def decimal_fraction(self, node: yaml.Node) -> float:
        return float(self._decimal(node, DECIMAL_FRACTION))

    def _decimal(self, node: yaml.Node, notation: re.Pattern[str]) -> str:
        """The text of a number. An explicit tag such as `!!int` may mark any node as a number, so the text is checked."""
        if not isinstance(node, yaml.ScalarNode) or not notation.match(node.value):
            self.refuse_number(node)
        return str(node.value)

    def refuse_number(self, node: yaml.Node) -> NoReturn:
        text = _short(node.value)
        raise _Refused(
            f"{text} is not a plain decimal number",
            f'write decimal digits without zeros in front, or quote it if it is text: "{text}"',
            node.start_mark,
        )

    def refuse_tag(self, node: yaml.Node) -> NoReturn:
        """Refuse a tag that this loader does not know."""
        tag = _short(node.tag.replace(_TAG, "!!"))
        raise _Refused(f"tag {tag} is refused", "write plain values without tags", node.start_mark)


# The first matching pattern decides.
for _tag, _pattern in zip(_NUMBERS, (DECIMAL_INTEGER, DECIMAL_FRACTION, ANY_NOTATION), strict=True):
    _Loader.add_implicit_resolver(_tag, _pattern, list("-+.0123456789"))
_Loader.add_constructor(f"{_TAG}int", _Loader.decimal_integer)
_Loader.add_constructor(f"{_TAG}float", _Loader.decimal_fraction)
_Loader.add_constructor(_OTHER_NUMBER, _Loader.refuse_number)
_Loader.add_constructor(f"{_TAG}timestamp", _Loader.refuse_tag)
_Loader.add_constructor(None, _Loader.refuse_tag)


def read_document(
    path: str | Path, *, allow_empty: bool = False, example: str = "model: builtin/tiny-llama"
) -> Document:
    """Read a YAML file whose top level is a mapping with text keys.

    Args:
        path: the file, at most 1 MiB of UTF-8.
        allow_empty: a file without any value is an empty mapping.
        example: a line that such a file may have, for messages.

    Raises:
        ConfigError: the file is missing, unreadable, too large, broken or not a mapping; with file, line and fix.
    """
    text = read_text(Path(path))
    with _errors_named(str(path), text):
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None and allow_empty:
            return Document(str(path), {}, {}, {}, text)
        return replace(_document(str(path), loader, _check_top_level(loader, root, example)), text=text)


def read_experiment(path: str | Path) -> Document:
    """Read the fields of a configuration file: its mapping without a top-level `version:`, with the paths of files beside it.

    Raises:
        ConfigError: as `read_document`; or it is a stored result.
    """
    document = read_document(path)
    _check_no_result(document)
    fields = {key: value for key, value in document.content.items() if key != "version"}
    return replace(document, content=with_files_beside(fields, Path(path).parent))


def _check_no_result(document: Document) -> None:
    """Check that the file is no stored result, whose hundred other fields would each be a problem."""
    content, path = document.content, quote(document.source)
    if "schema_version" not in content:
        return
    if "measurement_config_hash" in content:
        problem = f"{document.source} is a stored result, measured {content.get('started_at', 'earlier')}"
        raise ConfigError(f"{problem}, and no configuration", f"repeat it with: llem run --from-result {path}")
    if "study_id" in content:
        folder = quote(str(Path(document.source).parent))
        raise ConfigError(
            f"{document.source} is a stored study, and no configuration",
            f"continue it with: llem run --resume {folder}",
        )


def parse_value(text: str) -> Document:
    """One value as YAML reads it after a colon: a scalar, `[a list]` or `{a: mapping}`; block forms stay text.

    Raises:
        ConfigError: a bracket, brace or quote is not closed, a tag is given, or a number is not decimal.
    """
    with _errors_named("the value", text):
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None or (isinstance(node, yaml.CollectionNode) and not node.flow_style):
            return Document("the value", text if node else None, {}, {})
        return _document("the value", loader, node)


def _document(source: str, loader: _Loader, root: yaml.Node) -> Document:
    content = loader.construct_document(root)
    nodes = dict(_nodes_below(loader, root, ()))
    marks = {place: _mark(key) for place, (key, _) in nodes.items()}
    values = [((), root), *((place, value) for place, (_, value) in nodes.items())]
    return Document(source, content, marks, {place: value.value for place, value in values if _is_converted(value)})


def _nodes_below(
    loader: _Loader, node: yaml.Node, prefix: KeyPath
) -> Iterator[tuple[KeyPath, tuple[yaml.Node, yaml.Node]]]:
    """Each path with the node that marks its position, and the node of its value."""
    for key, key_node, value in _children(loader, node):
        place = (*prefix, key)
        yield place, (key_node, value)
        yield from _nodes_below(loader, value, place)


def _children(loader: _Loader, node: yaml.Node) -> list[tuple[Any, yaml.Node, yaml.Node]]:
    """Key or index, the node that marks its position, and the node of the value."""
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
        return [(loader.construct_object(key), key, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(index, item, item) for index, item in enumerate(node.value)]
    return []


def _is_converted(node: yaml.Node) -> bool:
    """Whether the value differs from the text in the file."""
    return isinstance(node, yaml.ScalarNode) and node.tag != f"{_TAG}str"


@contextmanager
def _errors_named(place: str, text: str) -> Iterator[None]:
    """Turn yaml's errors into ours, with the place and the line."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise ConfigError(*_problem_and_fix(error), source=place, line=line, column=column) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"character U+{ord(text[error.position]):04X} is not allowed in YAML"
        raise ConfigError(problem, "remove it", source=place, line=line) from error


def _problem_and_fix(error: yaml.MarkedYAMLError) -> tuple[str, str]:
    if isinstance(error, _Refused):
        return str(error.problem), error.fix
    context = f" ({error.context})" if error.context else ""
    return f"broken YAML: {_short(error.problem)}{context}", "check indentation, colons and quotes there"


def _check_top_level(loader: _Loader, root: yaml.Node | None, example: str) -> yaml.MappingNode:
    fix = f"write lines such as `{example}`"
    if root is None:
        raise _Refused("the file is empty", fix, None)
    if not isinstance(root, yaml.MappingNode) or root.tag != f"{_TAG}map":
        raise _Refused(f"the top level is '{_kind(root)}', not a mapping", fix, root.start_mark)
    loader.flatten_mapping(root)
    for key_node, _ in root.value:
        if key_node.tag != f"{_TAG}str":
            problem = f"key '{_short(key_node.value)}' is of type {_kind(key_node)} in YAML"
            raise _Refused(problem, "quote it if it is text", key_node.start_mark)
    return root


def _mark(node: yaml.Node) -> Mark:
    mark: Any = node.start_mark
    return int(mark.line) + 1, int(mark.column) + 1


def _kind(node: yaml.Node) -> str:
    name = _short(node.tag.replace(_TAG, ""))
    return {"str": "text", "seq": "list", "map": "mapping"}.get(name, name)


def _short(text: object) -> str:
    """The start of a text, enough to find it in the file: a key may have a million characters."""
    shown = str(text)
    return shown if len(shown) <= 100 else f"{shown[:97]}..."
