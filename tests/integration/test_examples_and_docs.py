"""Generated documents are up to date, links lead to files, and every requirement has a file and a test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, cwd: Path) -> str:
    return subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, check=True).stdout


def test_the_page_of_the_first_study_shows_the_example():
    page = (ROOT / "docs" / "first-study.md").read_text()
    assert (ROOT / "examples" / "batch_size_sweep.yaml").read_text() in page


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("make_config_docs.py", "configuration.md"),
        ("make_results_docs.py", "results.md"),
        ("make_cli_docs.py", "cli.md"),
        ("make_plugin_docs.py", "pytest-plugin.md"),
    ],
)
def test_a_generated_page_is_up_to_date(tmp_path, script, page):
    run(str(ROOT / "scripts" / script), "--output", str(tmp_path / page), cwd=tmp_path)
    assert (tmp_path / page).read_text() == (ROOT / "docs" / page).read_text(), f"run: python scripts/{script}"


def pages() -> list[Path]:
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "examples" / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_command_of_the_readme_is_one_of_ours():
    commands = re.findall(r"^(llem \S+|make \S+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    to_try = {"make quickstart", "make study", "make engines", "make servers", "make test"}
    ours = to_try | {"llem run", "llem config", "llem compare"}
    assert ours == set(commands)
    for command in commands:
        tool, word = command.split()
        assert word in ("run", "config", "compare") if tool == "llem" else f"\n{word}:" in makefile


def test_every_decision_is_in_the_list():
    listed = set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text()))
    assert listed == {path.name for path in (ROOT / "docs" / "adr").glob("0*.md")}


def test_every_requirement_names_a_file_and_a_test_that_exist():
    rows = re.findall(
        r"^\| [^|]+ \| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs" / "requirements.md").read_text(), re.MULTILINE
    )
    assert len(rows) > 40
    for cells in rows:
        for path in re.findall(r"`([\w./*-]+/[\w./*-]+|[\w.]+\.(?:toml|yml|yaml|md))`", " ".join(cells)):
            assert list(ROOT.glob(path)) or list(ROOT.glob(f"src/llenergymeasure/{path}")), path
