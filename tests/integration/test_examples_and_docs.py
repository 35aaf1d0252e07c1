"""Examples run, generated documents are up to date, and nothing stands in examples/ or docs/ without a check."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {
    "own_backend.py": "copy (integer, copy, cpu)",
    "own_meter.py": "J, file (counter)",
}
STUDIES = {"library.py"}
CONFIGS = {"quickstart.yaml", "real_model.yaml"}
STUDIES = {"batch_size_sweep.yaml": "18 runs: 3 cycles", "real_model_study.yaml": "24 runs: 3 cycles"}


def run(*command: str, cwd: Path, python: str = sys.executable) -> str:
    return subprocess.run([python, *command], cwd=cwd, capture_output=True, text=True, check=True).stdout


@pytest.mark.torch
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_and_writes_nothing(quick, tmp_path, name):
    python = sys.executable if name in STUDIES else quick.python  # a study forks its own processes
    assert EXAMPLES[name] in run(str(ROOT / "examples" / name), cwd=tmp_path, python=python)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.torch
def test_the_example_of_a_study_runs_and_writes_nothing(tmp_path):
    assert "batch 8: " in run(str(ROOT / "examples" / "library.py"), cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_an_example_configuration_is_valid(tmp_path, name):
    out = run("-m", "llenergymeasure", "run", "--dry-run", str(ROOT / "examples" / name), cwd=tmp_path)
    assert "nothing was run" in out


@pytest.mark.parametrize("name", STUDIES)
def test_an_example_study_is_valid(tmp_path, name):
    out = run("-m", "llenergymeasure", "run", "--dry-run", str(ROOT / "examples" / name), cwd=tmp_path)
    assert STUDIES[name] in out


def test_the_study_of_quantisation_needs_nothing_but_its_library(tmp_path):
    command = [
        sys.executable,
        "-m",
        "llenergymeasure",
        "run",
        "--dry-run",
        str(ROOT / "examples" / "quantisation.yaml"),
    ]
    tried = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if tried.returncode:
        assert "1 problem found" in tried.stderr
        assert "pip install bitsandbytes" in tried.stderr
    else:
        assert "18 runs: 3 cycles" in tried.stdout


def test_every_example_is_run_by_a_test():
    files = {path.name for path in (ROOT / "examples").iterdir() if path.is_file()}
    assert files == set(EXAMPLES) | CONFIGS | set(STUDIES) | {"quantisation.yaml", "library.py"}


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
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


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
    assert {"make quickstart", "make study", "make test", "llem run", "llem config", "llem compare"} == set(commands)
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
