"""The processes of a server, with their CPU time and memory."""

from __future__ import annotations

import os

import pytest

from llenergymeasure.core.backends.server.processes.tree import ServerProcesses, group_leader

PAGE = os.sysconf("SC_PAGE_SIZE")


def a_process(proc, pid, ticks, pages, children=()):
    task = proc / f"{pid}" / "task" / f"{pid}"
    task.mkdir(parents=True)
    (task / "children").write_text(" ".join(map(str, children)))
    before = "S 1 1 1 0 -1 4194304 0 0 0 0"
    (proc / f"{pid}" / "stat").write_text(f"{pid} (name) {before} {ticks} 0 0 0 20 0 1 0\n")
    (proc / f"{pid}" / "statm").write_text(f"999 {pages} 1 1 0 1 0\n")


@pytest.fixture
def proc(tmp_path):
    """10 has started 11 and 12, and 12 has started 13."""
    a_process(tmp_path, 10, 1000, 1000, children=[11, 12])
    a_process(tmp_path, 11, 100, 10)
    a_process(tmp_path, 12, 200, 20, children=[13])
    a_process(tmp_path, 13, 400, 40)
    return tmp_path


def test_the_guard_of_a_server_is_none_of_its_processes(proc):
    server = ServerProcesses(lambda: [10], also_roots=False, proc=proc)
    assert sorted(server.pids()) == [11, 12, 13]
    assert server.cpu_seconds() == pytest.approx(700 / os.sysconf("SC_CLK_TCK"))
    assert server.memory_mb() == pytest.approx(70 * PAGE / 1e6)


def test_the_programs_of_its_processes_are_known_by_name(proc):
    (proc / "11" / "comm").write_text("vllm\n")  # the others have ended
    assert ServerProcesses(lambda: [10], proc=proc).names() == ["vllm"]


def test_each_process_is_counted_once(proc):
    server = ServerProcesses(lambda: [12, 13, 10], proc=proc)
    assert sorted(server.pids()) == [10, 11, 12, 13]
    assert server.cpu_seconds() == pytest.approx(1700 / os.sysconf("SC_CLK_TCK"))


def test_processes_that_have_ended_use_nothing(tmp_path):
    server = ServerProcesses(lambda: [77], proc=tmp_path)
    assert (server.cpu_seconds(), server.memory_mb()) == (0.0, 0.0)


def test_this_process_is_read():
    server = ServerProcesses(lambda: [os.getpid()])
    assert os.getpid() in server.pids()
    assert server.memory_mb() > 1
    assert server.cpu_seconds() > 0


def test_a_group_that_is_also_ours_has_no_leader():
    assert group_leader(os.getpid()) == os.getpid()


def test_the_leader_of_another_group_is_the_first_process_of_the_server(tmp_path):
    (tmp_path / f"{os.getpgrp()}").mkdir()
    assert group_leader(os.getpid(), own_group=-1, proc=tmp_path) == os.getpgrp()


def test_without_the_leader_of_its_group_a_process_leads_itself(tmp_path):
    assert group_leader(os.getpid(), own_group=-1, proc=tmp_path) == os.getpid()


def test_a_process_that_has_ended_leads_itself():
    assert group_leader(2**22 + 1) == 2**22 + 1
