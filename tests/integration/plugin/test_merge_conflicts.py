"""Two branches that add baselines: the two commands that the plugin prints solve the conflict and lose no entry."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from a_baseline import HASH, a_file, an_entry
from pytest_llem.baseline.folder import dumps

NAME = "llem-baselines/1x a100.json"


@pytest.fixture
def git(suite):
    def run(*arguments, check=True):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        return subprocess.run(["git", *identity, *arguments], cwd=suite.path, check=check, capture_output=True)

    return run


@pytest.fixture
def conflict(suite, git):
    """A merge of two branches that both added an entry to a committed file."""
    entries = {"test_a.py::test_base": {HASH: an_entry()}}

    def commit(*names):
        file = a_file({**entries, **{f"test_a.py::test_{name}": {HASH: an_entry()} for name in names}})
        suite.write(NAME, dumps(file))
        git("add", ".")
        git("commit", "-qm", "baselines")

    git("init", "-q", "-b", "main")
    commit()
    git("checkout", "-qb", "other")
    commit("theirs", "both")
    git("checkout", "-q", "main")
    commit("ours")
    assert git("merge", "other", check=False).returncode == 1
    return suite


def test_the_two_commands_solve_it_and_keep_every_entry(conflict, git):
    result = conflict.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if "merge conflict" in line]
    assert f"{NAME}: has the markers of a merge conflict in line " in line
    assert line.endswith("; these two commands fix it:")
    commands = result.errlines[result.errlines.index(line) + 1 :][:2]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # as in the run above
    for command in commands:
        done = subprocess.run(
            command,
            shell=True,
            cwd=conflict.path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done)
    assert set(conflict.baseline()["entries"]) == {
        f"test_a.py::test_{name}" for name in ("base", "ours", "theirs", "both")
    }
    git("add", NAME)
    git("commit", "-qm", "merged")


def test_a_candidate_with_markers_gives_the_same_message(conflict):
    result = conflict.run(f"--llem-accept-baseline={NAME}", llem=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "these two commands fix it" in result.stderr.str()
