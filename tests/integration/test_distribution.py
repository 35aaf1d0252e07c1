"""The published files: the wheel contains both packages only, and the archive builds the same wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from llenergymeasure import __version__

ROOT = Path(__file__).parents[2]


def build(folder, *options):
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), *options, str(ROOT)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names in the wheel, built from the checkout."""
    return names_in_wheel(build(tmp_path_factory.mktemp("wheel"), "--wheel"))


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The archive, and the wheel built from it."""
    return build(tmp_path_factory.mktemp("dist"))


def names_in_wheel(folder):
    return set(zipfile.ZipFile(next(folder.glob("*.whl"))).namelist())


def test_the_wheel_holds_every_file_of_both_packages_and_nothing_else(wheel):
    sources = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in wheel if ".dist-info/" not in name} == sources


def test_both_packages_are_marked_as_typed(wheel):
    assert {"llenergymeasure/py.typed", "pytest_llem/py.typed"} <= wheel


@pytest.mark.slow
def test_the_archive_is_enough_to_build_the_same_wheel(dist, wheel):
    assert names_in_wheel(dist) == wheel


@pytest.mark.slow
def test_the_archive_holds_sources_tests_and_documents_and_no_caches(dist):
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    for needed in ("src/llenergymeasure/__init__.py", "tests/fakes.py", "examples/quickstart.yaml", "Makefile"):
        assert needed in names
    assert [name for name in names if "__pycache__" in name or name.startswith((".venv", ".cache", "results/"))] == []


@pytest.mark.slow
def test_the_package_index_would_accept_both(dist):
    files = [str(path) for path in dist.iterdir()]
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory):
    """An environment of its own with the wheel; what the wheel needs is taken from the environment of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    wheel = str(next(dist.glob("*.whl")))
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", wheel]
    subprocess.run(command, check=True, capture_output=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "what-it-needs.pth").write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    return folder / "bin"


@pytest.mark.slow
@pytest.mark.torch
def test_the_installed_wheel_measures_the_built_in_model_without_the_checkout(installed, tmp_path):
    def run(*command):
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [str(installed / command[0]), *command[1:]], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert run("python", "-c", "import llenergymeasure; print(llenergymeasure.__file__)").startswith(
        str(installed.parent)
    )
    assert run("llem", "--version").startswith(f"llenergymeasure {__version__}\n")
    quick = ("baseline.enabled=false", "warmup.thermal_floor_seconds=0", "max_output_tokens=2", "max_input_tokens=8")
    run("llem", "run", "-m", "builtin/tiny-llama", "-n", "1", *(f"--set={each}" for each in quick))
    assert len(list(tmp_path.glob("results/*/result.json"))) == 1
