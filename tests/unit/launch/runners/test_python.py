"""The runner `python:INTERPRETER`: its command, and what is found when the interpreter is not there."""

from __future__ import annotations

from pathlib import Path

from another_environment import environment, script
from llenergymeasure._version import __version__
from llenergymeasure.launch.runners.python import PythonRunner, python_runner


def test_a_program_runs_as_if_the_environment_was_activated():
    environ = {"PATH": "/usr/bin", "PYTHONPATH": "src", "PYTHONHOME": "/x", "VIRTUAL_ENV": "/y", "HF_HOME": "/models"}
    command = PythonRunner("python:/v/bin/python", Path("/v/bin/python")).command(["-m", "this"], None, environ)
    assert command.arguments == ("/v/bin/python", "-m", "this")
    assert command.environ == {"PATH": "/v/bin:/usr/bin", "HF_HOME": "/models"}


def finding(path):
    (found,) = python_runner(f"python:{path}", str(path)).findings({})
    return found


def test_a_missing_interpreter_is_found(tmp_path):
    assert (
        finding(tmp_path / "python").problem == f"runner python:{tmp_path}/python: there is no file {tmp_path}/python"
    )


def test_a_folder_and_a_text_are_no_interpreters(tmp_path):
    (tmp_path / "text").write_text("print()")
    assert finding(tmp_path).problem.endswith(f"{tmp_path} is not a program")
    assert finding(tmp_path / "text").problem.endswith(f"{tmp_path}/text is not a program")


def test_an_environment_without_this_package_has_the_line_that_installs_it(tmp_path):
    python = environment(tmp_path / "a folder" / "v", [])
    found = finding(python)
    assert found.problem == f"runner python:{python} has no llenergymeasure (not installed)"
    assert found.fix == f"in a clone of release {__version__}: '{python}' -m pip install ."


def test_an_environment_with_this_release_has_no_finding(tmp_path):
    python = environment(tmp_path / "v")
    assert python_runner("python", str(python)).findings({}) == ()


def test_a_program_that_is_not_python_is_found(tmp_path):
    found = finding(script(tmp_path / "program", "echo hello; exit 3"))
    assert "does not answer as a Python interpreter: exit code 3" in found.problem
