"""Whatever benchmarks, scripts, examples and tests import from the packages is there.

mypy checks src alone. A name that moves would otherwise break a benchmark that no test runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("llenergymeasure", "pytest_llem")
FOLDERS = ("benchmarks", "scripts", "examples", "tests")
FILES = sorted({file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")} - {Path(__file__)})


def parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


def trees(text: str) -> Iterator[ast.Module]:
    """The tree of a file, and those of the programs in its strings."""
    tree = ast.parse(text)
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "import " in node.value:
            program = parsed(node.value)
            if program is not None:
                yield program


def names_of_ours(text: str) -> Iterator[tuple[str, str]]:
    """Each (module, name) that is imported from the packages."""
    for tree in trees(text):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in PACKAGES:
                yield from ((str(node.module), alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] in PACKAGES)


def module_file(module: str) -> Path | None:
    path = ROOT / "src" / Path(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def bound(nodes: list[ast.stmt]) -> Iterator[str]:
    """The names that statements at the top of a module bind, in branches too."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        else:
            yield from (
                part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            )
            for field in ("body", "orelse", "handlers", "finalbody"):
                yield from bound(getattr(node, field, []))


def is_there(module: str, name: str) -> bool:
    file = module_file(module)
    if file is None:
        return False
    names = set(bound(ast.parse(file.read_text(encoding="utf-8")).body))
    return not name or bool({name, "__getattr__"} & names) or module_file(f"{module}.{name}") is not None


def test_every_name_that_is_imported_from_the_packages_exists():
    missing = [
        f"{file.relative_to(ROOT)}: {module}.{name}"
        for file in FILES
        for module, name in names_of_ours(file.read_text(encoding="utf-8"))
        if not is_there(module, name)
    ]
    assert missing == []


@pytest.mark.parametrize(
    "code",
    [
        "from llenergymeasure.exceptions import NoSuchError",
        "def f():\n    from llenergymeasure.no_such_module import x",
        "import pytest_llem.no_such_module",
        "PROGRAM = 'import sys\\nfrom llenergymeasure.no_such_module import x'",
    ],
)
def test_a_name_that_does_not_exist_is_found(code):
    assert not all(is_there(*pair) for pair in names_of_ours(code))
