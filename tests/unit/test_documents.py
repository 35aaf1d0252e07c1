"""The documents keep up with the code: errors, findings, warnings, rooms; and the checker of the site finds what it should."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from llenergymeasure.core.quality import warnings as doubts
from llenergymeasure.exceptions import LLEMError
from llenergymeasure.orchestration.preflight import CHECKS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "llenergymeasure"
TROUBLES = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def errors(base: type[LLEMError] = LLEMError) -> Iterator[str]:
    yield base.__name__
    for kind in base.__subclasses__():
        if kind.__module__.startswith("llenergymeasure"):
            yield from errors(kind)


def codes_of_doubts() -> Iterator[str]:
    """The first word of every warning that a check gives."""
    for node in ast.walk(ast.parse(Path(doubts.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
            first = node.value.elts[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def codes_of_aggregation() -> Iterator[str]:
    for path in (SOURCES / "results").glob("*.py"):
        yield from re.findall(r'f"([a-z]+(?:_[a-z]+)+): ', path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(set(errors())))
def test_every_error_has_its_cause_and_cure(name):
    assert f"`{name}`" in TROUBLES


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_before_the_run_has_its_part(check):
    assert f"\n### {check.__name__.strip('_')}\n" in TROUBLES


@pytest.mark.parametrize("code", sorted({*codes_of_doubts(), *codes_of_aggregation()}))
def test_every_warning_has_its_reason_and_cure(code):
    assert f"`{code}`" in TROUBLES


def test_the_codes_are_really_found():
    assert {"short_measurement_duration", "sampling_gap", "ecc_disabled"} <= set(codes_of_doubts())
    assert "device_counted_once" in set(codes_of_aggregation())


def test_every_room_and_contract_is_in_the_picture():
    rooms = {path.stem for path in SOURCES.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    for room in rooms - {"__init__", "__main__"}:
        assert f"`{room}`" in ARCHITECTURE, room
    for contract in re.findall(r'^id = "([\w-]+)"', PYPROJECT, re.MULTILINE):
        assert f"`{contract}`" in ARCHITECTURE, contract


def test_every_module_that_the_picture_names_exists():
    picture = ARCHITECTURE.split("```")[1]
    named = set(re.findall(r"\b((?:cli|study|orchestration|core|results|domain|config|state)(?:\.\w+)+)", picture))
    assert len(named) > 8
    for name in named:
        path = SOURCES.joinpath(*name.split("."))
        parent = path.parent.with_suffix(".py")
        known = path.with_suffix(".py").is_file() or path.is_dir()
        assert known or f"def {path.name}(" in parent.read_text(encoding="utf-8"), name


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_site", ROOT / "scripts" / "check_site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('<a href="other.html#there">x</a>', None),
        ('<a href="https://example.org/">x</a>', None),
        ('<a href="gone.html">x</a>', "gone.html leads nowhere"),
        ('<a href="other.html#gone">x</a>', "has no such anchor"),
        ('<script src="https://cdn.example.org/x.js"></script>', "loads https://cdn.example.org/x.js"),
        ('<link rel="stylesheet" href="//fonts.example.org/x.css">', "loads //fonts.example.org/x.css"),
        ('<img src="gone.png">', "gone.png leads nowhere"),
    ],
)
def test_the_site_checker_finds_what_is_broken(tmp_path, checker, body, complaint):
    (tmp_path / "other.html").write_text('<h2 id="there">There</h2>', encoding="utf-8")
    (tmp_path / "index.html").write_text(body, encoding="utf-8")
    found = list(checker.problems(tmp_path))
    assert len(found) == (complaint is not None)
    assert complaint is None or complaint in found[0]


def test_an_empty_site_is_a_problem(tmp_path, checker):
    assert list(checker.problems(tmp_path)) == [f"{tmp_path} holds no page"]
