"""The pages of the kept studies repeat numbers of their data: each of them agrees with the files beside the page."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from llenergymeasure import StudyResult
from llenergymeasure.core.quality.warnings import MIN_DURATION_S

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "docs" / "validation").glob("*/study.json"))


def page_of(folder: Path) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def table_below(text: str, head: str) -> list[str]:
    """The lines of the first table with this head."""
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(head))
    end = next((at for at in range(start, len(lines)) if not lines[at].startswith("|")), len(lines))
    return lines[start:end]


def test_there_is_a_kept_study():
    assert FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_table_of_the_page_is_that_of_the_report(folder):
    spans = table_below((folder / "tables" / "spans.md").read_text(encoding="utf-8"), "| metric |")
    assert len(spans) > 3
    assert table_below(page_of(folder), "| metric |") == spans


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_answer_of_the_page_is_that_of_the_study(folder):
    answer = StudyResult.from_dir(folder).answer
    assert len(answer) > 50
    assert f"\n> {answer}\n" in page_of(folder)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_counts_of_the_page_are_those_of_the_runs(folder):
    study = StudyResult.from_dir(folder)
    with (folder / "runs.csv").open(encoding="utf-8", newline="") as file:
        runs = list(csv.DictReader(file))
    took_s = sum(float(run["waited_s"]) + float(run["took_s"]) for run in runs)
    said = re.search(r"(\d+) cells,\s+(\d+) runs, (\d+) minutes", page_of(folder))
    assert said is not None
    assert tuple(map(int, said.groups())) == (len(study.cells), len(runs), round(took_s / 60))
    short = sum(float(run["duration_sec"]) < MIN_DURATION_S for run in runs)
    assert f"({short} of {len(runs)} are below {MIN_DURATION_S:.0f} s)" in page_of(folder)


def test_the_readme_has_the_answer_of_the_kept_study():
    folder = ROOT / "docs" / "validation" / "smollm2-cpu"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"\n> {StudyResult.from_dir(folder).answer}\n" in readme
    counts = re.search(r"\d+ cells,\s+\d+ runs, \d+ minutes", page_of(folder))
    assert counts is not None
    assert " ".join(counts[0].split()) in " ".join(readme.split())
