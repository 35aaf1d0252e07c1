"""Finds the file and line of a mark by reading the source."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator

import pytest


def place_of_mark(
    item: pytest.Item, node: pytest.Item | pytest.Collector, mark: pytest.Mark, of_parameter: bool
) -> str:
    """`file:line` of a mark; `file:line` of its test when the mark cannot be found."""
    path, line, _ = item.reportinfo()
    shown = _relative(os.fspath(path), item.config)
    first = (line or 0) + 1
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            tree = ast.parse(file.read())
    except (OSError, ValueError, SyntaxError):
        return f"{shown}:{first}"
    if isinstance(node, pytest.Module):
        calls = _module_marks(tree)
    else:
        name = getattr(getattr(node, "obj", None), "__name__", node.name)
        calls = _marks_of_definition(tree, name, first, isinstance(node, pytest.Class), of_parameter)
    lines = [call.lineno for call in calls if _could_be(call, mark)]
    return f"{shown}:{lines[0] if lines else first}"


def _relative(path: str, config: pytest.Config) -> str:
    try:
        return os.path.relpath(path, config.invocation_params.dir)
    except ValueError:  # another drive
        return path


def _module_marks(tree: ast.Module) -> Iterator[ast.Call]:
    for statement in tree.body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            yield from _calls(statement.value)


def _marks_of_definition(
    tree: ast.Module, name: str, line: int, is_class: bool, of_parameter: bool
) -> Iterator[ast.Call]:
    kinds = (ast.ClassDef,) if is_class else (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and node.name == name and (is_class or _covers(node, line)):
            for decorator in node.decorator_list:
                if _is_parametrize(decorator) == of_parameter:
                    yield from _calls(decorator)


def _covers(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, line: int) -> bool:
    start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return start <= line <= (node.end_lineno or node.lineno)


def _is_parametrize(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parametrize"


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "llem":
            yield inner


def _could_be(call: ast.Call, mark: pytest.Mark) -> bool:
    """Whether a call matches the mark: the same number of positional arguments and the same names."""
    names = {keyword.arg for keyword in call.keywords}
    return None in names or (names == set(mark.kwargs) and len(call.args) == len(mark.args))
