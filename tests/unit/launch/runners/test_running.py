"""A program of a runner: what belongs to it ends with the block, and process ids of a container are those of nothing here."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass

import pytest

from llenergymeasure.launch.exchange.owner import is_locked
from llenergymeasure.launch.runners.runner import Command
from llenergymeasure.launch.runners.running import running

WAITS = "import time; print('up', flush=True); time.sleep(60)"
RECORDS = "import sys; open(sys.argv[1], 'a').write('ended')"


@dataclass(frozen=True)
class Elsewhere:
    """A runner with a command that ends what its programs leave."""

    name: str = "elsewhere"
    is_local: bool = False
    can_fork: bool = False
    watches_owner: bool = False

    def command(self, arguments, folder, environ):
        ended = (sys.executable, "-c", RECORDS, str(folder / "record"))
        return Command((sys.executable, *arguments), environ, ended=ended)


def record(folder):
    place = folder / "record"
    return place.read_text() if place.exists() else ""


def run(folder, code, runner=None, **options):
    with running(runner or Elsewhere(), ["-c", code], folder, folder / "log", os.environ, **options) as child:
        child.wait(lambda: "up" in (folder / "log").read_text())
        assert is_locked(folder)
    return child.exit_code


def test_a_program_that_ended_by_itself_needs_no_ending(tmp_path):
    assert run(tmp_path, "raise SystemExit(1)") == 1
    assert record(tmp_path) == ""


def test_what_a_killed_program_left_is_ended(tmp_path):
    run(tmp_path, WAITS)
    assert record(tmp_path) == "ended"


def test_it_is_ended_after_a_failure_too(tmp_path):
    with (
        pytest.raises(ZeroDivisionError),
        running(Elsewhere(), ["-c", WAITS], tmp_path, tmp_path / "log", os.environ),
    ):
        raise ZeroDivisionError
    assert record(tmp_path) == "ended"


def test_the_folder_is_locked_only_as_long_as_the_program_may_run(tmp_path):
    run(tmp_path, "")
    assert not is_locked(tmp_path)


def test_process_ids_of_a_container_are_not_used_here(tmp_path):
    asked = []
    run(tmp_path, WAITS, others=lambda: asked.append("asked") or ())
    assert json.dumps(asked) == "[]"
