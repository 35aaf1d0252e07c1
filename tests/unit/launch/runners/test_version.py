"""The versions in the environment of a runner."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from another_environment import EVERYTHING, environment, release, script
from llenergymeasure._version import __version__
from llenergymeasure.launch.runners.python import PythonRunner
from llenergymeasure.launch.runners.version import version_findings, versions_there


@dataclass(frozen=True)
class Answering(PythonRunner):
    """A runner whose interpreter is any program."""


def runner(path):
    return Answering("python:x", Path(path))


def problem(path):
    (found,) = version_findings(runner(path), {}, "install it")
    return found.problem


def test_this_release_is_recognised(tmp_path):
    found = versions_there(runner(environment(tmp_path / "v")), {})
    assert (found.python, found.version, found.problem) == (tuple(sys.version_info[:3]), __version__, "")


def test_another_release_is_named_with_both_versions(tmp_path):
    python = environment(tmp_path / "v", [release(tmp_path / "old", "0.9.0")])
    assert problem(python) == f"runner python:x has llenergymeasure 0.9.0, and this is {__version__}"


def test_a_package_that_cannot_be_imported_is_no_other_release(tmp_path):
    old = release(tmp_path / "old", "0.9.0")
    (old / "llenergymeasure" / "_version.py").write_text("import no_such_package")
    python = environment(tmp_path / "v", [old])
    assert problem(python) == "runner python:x cannot import llenergymeasure: No module named 'no_such_package'"


def test_a_folder_of_our_name_is_not_this_package(tmp_path):
    (tmp_path / "paths" / "llenergymeasure").mkdir(parents=True)
    assert problem(environment(tmp_path / "v", [tmp_path / "paths"])).endswith("(not installed)")


def test_an_old_python_is_found_before_the_package(tmp_path):
    answer = '{"python": [2, 7, 18], "version": null, "problem": ""}'
    assert problem(script(tmp_path / "python", f"echo '{answer}'")) == (
        "runner python:x has Python 2.7.18, and 3.10 or newer is needed"
    )


@pytest.mark.parametrize("text", ["true", "echo []", "echo hello", "echo '{}'"])
def test_a_program_with_another_answer_is_no_interpreter(tmp_path, text):
    assert "does not answer as a Python interpreter: it wrote: " in problem(script(tmp_path / "program", text))


def test_a_file_that_the_system_cannot_start_is_no_interpreter(tmp_path):
    path = script(tmp_path / "program", "")
    path.write_bytes(b"\x7fELF")
    assert "does not answer as a Python interpreter: Exec format error" in problem(path)


def test_what_the_environment_prints_itself_does_not_matter(tmp_path):
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "sitecustomize.py").write_text("print('welcome', end='')")
    python = environment(tmp_path / "v", [tmp_path / "noise", *EVERYTHING])
    assert versions_there(runner(python), {}).version == __version__
