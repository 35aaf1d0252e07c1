"""What is published: the wheel holds both packages and nothing else, and the archive builds the same wheel."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The archive, and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def names_in_wheel(dist):
    return zipfile.ZipFile(next(dist.glob("*.whl"))).namelist()


def test_the_wheel_holds_every_file_of_both_packages_and_nothing_else(dist):
    names = {name for name in names_in_wheel(dist) if ".dist-info/" not in name}
    sources = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == sources


def test_both_packages_say_that_they_are_typed(dist):
    assert {"llenergymeasure/py.typed", "pytest_llem/py.typed"} <= set(names_in_wheel(dist))


def test_the_archive_holds_sources_tests_and_documents_and_no_caches(dist):
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    for needed in ("src/llenergymeasure/__init__.py", "tests/fakes.py", "examples/quickstart.yaml", "Makefile"):
        assert needed in names
    assert [name for name in names if "__pycache__" in name or name.startswith((".venv", ".cache", "results/"))] == []


def test_the_package_index_would_accept_both(dist):
    files = [str(path) for path in dist.iterdir()]
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
