"""The version is the same wherever it is stated."""

from __future__ import annotations

import re
from pathlib import Path

import llenergymeasure

ROOT = Path(__file__).resolve().parents[2]
VERSION = llenergymeasure.__version__


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_and_the_changelog_have_the_version_and_one_date():
    citation = text_of("CITATION.cff")
    released = re.search(r"^date-released: (\S+)$", citation, re.MULTILINE)
    assert released is not None
    assert f"\nversion: {VERSION}\n" in citation
    latest = next(line for line in text_of("CHANGELOG.md").splitlines() if line.startswith("## "))
    assert latest == f"## [{VERSION}] - {released[1]}"


def test_the_package_takes_its_version_from_one_file():
    project = text_of("pyproject.toml")
    assert 'dynamic = ["version"]' in project
    assert not re.search(r"^version *=", project, re.MULTILINE)
    (path,) = re.findall(r'^\[tool\.hatch\.version\]\npath = "(.*)"$', project, re.MULTILINE)
    assert f'"{VERSION}"' in text_of(path)


def test_a_page_that_installs_or_cites_a_version_has_this_one():
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*.*"))):
        stated = re.findall(
            r"llenergymeasure(?:\[[\w,]+\])?(?:==|-|@v)(\d+\.\d+\.\d+)", page.read_text(encoding="utf-8")
        ) + re.findall(r"\*\*llenergymeasure\*\* (\d+\.\d+\.\d+)", page.read_text(encoding="utf-8"))
        assert set(stated) <= {VERSION}, page
