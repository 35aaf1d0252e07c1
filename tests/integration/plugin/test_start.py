"""The plugin's entry point in pytest runs of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SUITE = """
import pytest

@pytest.mark.llem(config={"model": "builtin/tiny-llama"})
def test_experiment():
    pass

def test_plain():
    pass
"""


def run(directory, *arguments):
    (directory / "test_suite.py").write_text(SUITE)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-W",
        "error",
        "--strict-markers",
        "-rs",
        *arguments,
    ]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def installed():
    from importlib.metadata import entry_points

    if not any(entry.value == "pytest_llem.plugin" for entry in entry_points(group="pytest11")):
        pytest.skip("the plugin is not installed as a package")


def test_without_the_option_experiments_are_skipped_and_the_reason_names_it(tmp_path):
    done = run(tmp_path)
    assert "1 passed, 1 skipped" in done.stdout
    assert "--llem" in done.stdout


def test_with_the_option_they_run(tmp_path):
    assert "2 passed" in run(tmp_path, "--llem").stdout


def test_the_option_and_the_marker_explain_themselves(tmp_path):
    assert "--llem" in run(tmp_path, "--help").stdout
    assert "@pytest.mark.llem" in run(tmp_path, "--markers").stdout
