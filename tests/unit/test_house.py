"""The shape that the code keeps, so that the next reader can follow it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "src"
LONGEST_FUNCTION = 60

# Doors translate whatever a library raises; the outermost frames turn whatever is left into an exit code or a message.
MAY_CATCH_ANYTHING = {
    "llenergymeasure/cli/outcome.py",
    "llenergymeasure/core/backends/pytorch/faults.py",
    "llenergymeasure/core/energy/codecarbon/meter.py",
    "llenergymeasure/core/energy/zeus.py",
    "llenergymeasure/orchestration/model/hub.py",
    "llenergymeasure/resilience.py",  # asks what may pass, and raises the rest again
}

# import-linter sees `import`; these are imported by name, when they are chosen.
LATE_DOORS = {
    "torch": "llenergymeasure/core/backends/pytorch/",
    "transformers": "llenergymeasure/core/backends/pytorch/",
    "peft": "llenergymeasure/core/backends/pytorch/",
    "pynvml": "llenergymeasure/core/nvml/door.py",
    "zeus": "llenergymeasure/core/energy/zeus.py",
    "codecarbon": "llenergymeasure/core/energy/codecarbon/meter.py",
    "huggingface_hub": "llenergymeasure/orchestration/model/hub.py",
    "pyarrow": "llenergymeasure/_tables.py",
    "numpy": "llenergymeasure/stats/",
    "scipy": "llenergymeasure/stats/",
    "yaml": "llenergymeasure/config/files/yaml.py",
    "jinja2": "llenergymeasure/results/report/experiment_page.py",
    "typer": "llenergymeasure/cli/",
    "tqdm": "llenergymeasure/cli/",
}

Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield name, node


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1


def test_no_function_is_longer_than_a_look():
    assert [
        f"{name}:{function.lineno} {function.name}"
        for name, function in functions()
        if code_lines(function) > LONGEST_FUNCTION
    ] == []


def test_nothing_is_imported_inside_a_function():
    assert [
        f"{name}:{node.lineno}"
        for name, function in functions()
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ] == []


def is_broad(handler: ast.ExceptHandler) -> bool:
    names = [handler.type] if not isinstance(handler.type, ast.Tuple) else handler.type.elts
    return any(one is None or (isinstance(one, ast.Name) and one.id in ("Exception", "BaseException")) for one in names)


def reraises(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_only_doors_and_the_outermost_frames_catch_anything():
    broad = {
        name
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and not reraises(node)
    }
    assert broad <= MAY_CATCH_ANYTHING


def late_imports(tree: ast.Module) -> Iterator[str]:
    """Names that are imported by a call with a text."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("import_module", "__import__"):
            yield str(node.args[0].value).partition(".")[0]


def test_what_is_imported_late_comes_through_its_door_too():
    assert [
        f"{name} imports {module}"
        for name, tree in trees()
        for module in late_imports(tree)
        if module in LATE_DOORS and not name.startswith(LATE_DOORS[module])
    ] == []
