"""CPU time of running children."""

from __future__ import annotations

from pathlib import Path

import pytest

from llenergymeasure.core.machine.process_tree import running_children_cpu_s


def a_process(proc, pid, times, children=()):
    task = proc / f"{pid}" / "task" / f"{pid}"
    task.mkdir(parents=True)
    (task / "children").write_text(" ".join(map(str, children)))
    before = "S 1 1 1 0 -1 4194304 0 0 0 0"
    (proc / f"{pid}" / "stat").write_text(f"{pid} (a name) of (two)) {before} {' '.join(map(str, times))} 20 0 1 0\n")


def test_children_and_their_children_are_summed_with_their_finished_ones(tmp_path):
    a_process(tmp_path, 10, (9999, 0, 0, 0), children=[11, 12])
    a_process(tmp_path, 11, (100, 50, 0, 0), children=[13])
    a_process(tmp_path, 12, (0, 0, 25, 25))
    a_process(tmp_path, 13, (200, 0, 0, 0))
    assert running_children_cpu_s(tmp_path, 10) == pytest.approx(1.5 + 0.5 + 2.0)


def test_a_child_that_ended_meanwhile_is_left_out(tmp_path):
    a_process(tmp_path, 10, (0, 0, 0, 0), children=[11])
    assert running_children_cpu_s(tmp_path, 10) == 0.0


class EndsWhileListed(type(Path())):
    """A /proc in which process 11 ends between the look at its folder and the list of its threads."""

    def glob(self, pattern):
        if pattern.startswith("11/"):
            raise FileNotFoundError(pattern)
        return Path(self).glob(pattern)


def test_a_child_that_ends_while_its_children_are_listed_has_none(tmp_path):
    a_process(tmp_path, 10, (0, 0, 0, 0), children=[11, 12])
    a_process(tmp_path, 12, (0, 0, 25, 25))
    assert running_children_cpu_s(EndsWhileListed(tmp_path), 10) == pytest.approx(0.5)


def test_without_a_list_there_are_no_children(tmp_path):
    assert running_children_cpu_s(tmp_path, 10) == 0.0


def test_this_process_is_read():
    assert running_children_cpu_s() >= 0.0
