"""Containers whose owner has ended are removed before the next run; those of others stay."""

from __future__ import annotations

import os

from fake_engine import FakeEngine
from llenergymeasure._files import launch_prefix, machine_mark
from llenergymeasure.launch.runners.container.engine import find_engine
from llenergymeasure.launch.runners.container.leftovers import LABEL, container_name, label_options, remove_leftovers
from waiting import NO_PROCESS


def removed(tmp_path, *containers):
    engine = FakeEngine(tmp_path, containers=containers)
    remove_leftovers(find_engine("auto", {"PATH": str(tmp_path)}))
    assert ["ps", "--all", "--filter", f"label={LABEL}", "--format", "{{.Names}}"] in engine.calls
    return [call[2:] for call in engine.calls if call[0] == "rm"]


def test_containers_of_ended_processes_of_this_machine_are_removed(tmp_path):
    of_ended = f"llem-launch-{machine_mark()}-{NO_PROCESS}-abc_123456"
    of_other_machine = f"llem-launch-00000000-{NO_PROCESS}-abc_123456"
    assert removed(tmp_path, of_ended, of_other_machine, container_name(None), "db") == [[of_ended]]


def test_nothing_is_removed_where_nothing_is_left(tmp_path):
    assert removed(tmp_path) == []


def test_names_are_different_and_name_the_owner(tmp_path):
    folder = tmp_path / f"{launch_prefix()}abc"
    names = {container_name(folder), container_name(folder)}
    assert len(names) == 2
    assert all(name.startswith(f"{folder.name}_") for name in names)
    assert label_options() == ("--label", f"{LABEL}={machine_mark()}-{os.getpid()}")
