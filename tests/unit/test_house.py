"""The shape that the code keeps, so that the next reader can follow it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src"
LONGEST_FUNCTION = 60
LONGEST_FILE = 300
FULLEST_FOLDER = 15

# Doors translate whatever a library raises; the outermost frames turn whatever is left into an exit code or a message.
MAY_CATCH_ANYTHING = {
    "llenergymeasure/cli/outcome.py",
    "llenergymeasure/config/extensions/table.py",
    "llenergymeasure/core/backends/pytorch/faults.py",
    "llenergymeasure/core/backends/pytorch/parameters/described.py",  # a model unknown to transformers fails in any way
    "llenergymeasure/core/backends/vllm/faults.py",
    "llenergymeasure/core/backends/vllm/processes/several.py",  # as above: it puts the cause in the place of the error
    "llenergymeasure/core/backends/server/tokens/from_file.py",  # tokenizers raises plain `Exception`
    "llenergymeasure/core/energy/codecarbon/meter.py",
    "llenergymeasure/core/energy/zeus.py",
    "llenergymeasure/core/machine/signals.py",  # what a signal handler raises, and only until the block ends
    "llenergymeasure/launch/child.py",
    "llenergymeasure/orchestration/model/hub.py",
    "llenergymeasure/orchestration/model/tokenizer_file.py",
    "pytest_llem/measure/user_hooks.py",  # what users' hooks raise fails their test in words
    "llenergymeasure/study/executors/ray/door.py",  # Ray raises plain `Exception` when a node starts too slowly
    "llenergymeasure/resilience.py",  # asks what may pass, and raises the rest again
}

# Where a module is imported by a name in a string: what is optional is named in a registry and imported when it is chosen,
# and a library that takes long, or is not everywhere, is imported by its door.
REGISTRIES = {
    "llenergymeasure/__init__.py",
    "llenergymeasure/config/executors.py",
    "llenergymeasure/config/meters.py",
    "llenergymeasure/core/backends/registry.py",
    "llenergymeasure/domain/files/report_formats.py",
}
IMPORT_BY_NAME = REGISTRIES | {
    "llenergymeasure/core/backends/pytorch/library.py",
    "llenergymeasure/core/energy/codecarbon/meter.py",
    "llenergymeasure/core/energy/zeus.py",
    "llenergymeasure/orchestration/model/hub.py",
    "llenergymeasure/orchestration/model/tokenizer_file.py",
    "llenergymeasure/orchestration/ulimits.py",
}
# The groups of entry points have names like modules.
GROUPS = "llenergymeasure/config/extensions/table.py"
IMPORTERS = {"import_module", "__import__", "import_heavy", "run_module", "resolve_name", "import_string"}
OWN_MODULE = re.compile(r"(llenergymeasure|pytest_llem)\.[\w.:]*")
REASON = re.compile(r"# noqa: PLC0415 - \w.{5,}")

# import-linter sees `import`; what is imported by name must come through its door too.
LATE_DOORS = {
    "torch": "llenergymeasure/core/backends/pytorch/",
    "transformers": "llenergymeasure/core/backends/pytorch/",
    "peft": "llenergymeasure/core/backends/pytorch/",
    "pynvml": "llenergymeasure/core/nvml/door.py",
    "zeus": "llenergymeasure/core/energy/zeus.py",
    "codecarbon": "llenergymeasure/core/energy/codecarbon/meter.py",
    "huggingface_hub": "llenergymeasure/orchestration/model/hub.py",
    "tokenizers": "llenergymeasure/orchestration/model/tokenizer_file.py",
    "pyarrow": "llenergymeasure/_tables.py",
    "numpy": "llenergymeasure/stats/",
    "scipy": "llenergymeasure/stats/",
    "yaml": "llenergymeasure/config/files/yaml.py",
    "jinja2": "llenergymeasure/results/report/page.py",
    "matplotlib": "llenergymeasure/results/report/figures/",
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


def test_no_function_is_too_long():
    assert [
        f"{name}:{function.lineno} {function.name}"
        for name, function in functions()
        if code_lines(function) > LONGEST_FUNCTION
    ] == []


def test_no_file_is_too_long_and_no_folder_too_full():
    files = list(ROOT.rglob("*.py"))
    lines = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count("\n") for path in files}
    assert {name: count for name, count in lines.items() if count > LONGEST_FILE} == {}
    folders = Counter(path.parent.relative_to(ROOT).as_posix() for path in files)
    assert {name: count for name, count in folders.items() if count > FULLEST_FOLDER} == {}


def late(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """What is imported inside a function."""
    for function in ast.walk(tree):
        if isinstance(function, Function):
            yield from (node for node in ast.walk(function) if isinstance(node, (ast.Import, ast.ImportFrom)))


def test_an_import_inside_a_function_has_its_reason_on_its_line():
    silent = []
    for name, tree in trees():
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        silent += [f"{name}:{node.lineno}" for node in late(tree) if not REASON.search(lines[node.lineno - 1])]
    assert silent == []


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_only_registries_and_doors_import_by_name():
    found = {
        name
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and called(node) in IMPORTERS
    }
    assert found == IMPORT_BY_NAME


def programs(tree: ast.Module) -> set[ast.expr]:
    """What follows `-m` in a list: the name of a program, which can only be written as text."""
    return {
        after
        for node in ast.walk(tree)
        if isinstance(node, (ast.List, ast.Tuple))
        for before, after in zip(node.elts, node.elts[1:])
        if isinstance(before, ast.Constant) and before.value == "-m"
    }


def own_modules_in_strings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Texts that are names of modules of ours, or the beginning of one."""
    allowed = programs(tree)
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return (node for node in texts if OWN_MODULE.fullmatch(str(node.value)) and node not in allowed)


def test_no_module_of_ours_is_named_in_a_string_outside_the_registries():
    assert [
        f"{name}:{node.lineno} {node.value}"
        for name, tree in trees()
        if name not in REGISTRIES and name != GROUPS
        for node in own_modules_in_strings(tree)
    ] == []


@pytest.mark.parametrize(
    "code",
    [
        'import_module("llenergymeasure.core.devices")',
        'import_module(f"llenergymeasure.cli.commands.{name}")',
        'HOME = "pytest_llem.stash"',
        'run(["-m", "pytest"], "llenergymeasure.launch")',
    ],
)
def test_a_name_in_a_string_is_found(code):
    assert len(list(own_modules_in_strings(ast.parse(code)))) == 1


def test_the_name_of_a_program_may_be_a_string():
    assert list(own_modules_in_strings(ast.parse('[python, "-m", "llenergymeasure.launch.worker"]'))) == []


# Per contract: a module, and what it may not import.
FORBIDDEN = {
    "Imports point down": ("llenergymeasure/domain/files/serialise.py", "llenergymeasure.results.store"),
    "No circles": ("pytest_llem/measure/services.py", "pytest_llem.stash"),
    "The command line asks _api": ("llenergymeasure/cli/display.py", "llenergymeasure.core.devices"),
    "The plugin uses public names, _plugin_api and tables": ("pytest_llem/suites.py", "llenergymeasure.config.loader"),
    "yaml has one door": ("llenergymeasure/config/loader.py", "yaml"),
}


@pytest.fixture(scope="module")
def contracts_of_a_copy(tmp_path_factory):
    """What the contracts say of a copy of the packages with a forbidden import inside a function for each."""
    pytest.importorskip("importlinter")
    place = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT, place / "src", ignore=shutil.ignore_patterns("__pycache__", "*.jsonl", "*.json"))
    shutil.copy(ROOT.parent / "pyproject.toml", place)
    for module, forbidden in FORBIDDEN.values():
        with (place / "src" / module).open("a", encoding="utf-8") as file:
            file.write(f"\n\ndef planted():\n    import {forbidden}\n")
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", lint, "--no-cache"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_copy_with_forbidden_imports_does_not_pass(contracts_of_a_copy):
    assert contracts_of_a_copy.returncode == 1, contracts_of_a_copy.stdout


@pytest.mark.parametrize("contract", FORBIDDEN)
def test_a_forbidden_import_inside_a_function_breaks_its_contract(contracts_of_a_copy, contract):
    said = contracts_of_a_copy.stdout
    assert f"{contract} BROKEN" in " ".join(said.split())


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


# pydantic puts an error of its own into the place of whatever they raise, also of an interrupt.
SERIALISERS = {"model_serializer", "field_serializer", "PlainSerializer", "WrapSerializer"}


def test_nothing_of_ours_is_called_where_pydantic_would_hide_an_interrupt():
    imported = {
        f"{name} imports {alias.name}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pydantic")
        for alias in node.names
        if alias.name in SERIALISERS
    }
    assert imported == set()


def imported_by_name(tree: ast.Module) -> Iterator[str]:
    """Packages that are imported by a call with a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in IMPORTERS and isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value).partition(".")[0]


def test_what_is_imported_by_name_comes_through_its_door_too():
    assert [
        f"{name} imports {module}"
        for name, tree in trees()
        for module in imported_by_name(tree)
        if module in LATE_DOORS and not name.startswith(LATE_DOORS[module])
    ] == []
