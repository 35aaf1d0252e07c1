"""The executor `ray` on a fake cluster: what it starts, when, and what is checked before."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from llenergymeasure.exceptions import ConfigError, PreFlightError
from llenergymeasure.study.executors.executor import Executor, ExecutorContext
from llenergymeasure.study.executors.ray import question
from llenergymeasure.study.executors.ray.child import Answer
from llenergymeasure.study.executors.ray.executor import checked, not_connected, not_imported
from llenergymeasure.study.executors.ray.nodes import Node, Wanted
from llenergymeasure.study.executors.ray.options import RayOptions

NODES = (Node("1", "one", cpus=8, gpus=2), Node("2", "two", cpus=4, gpus=1))


class FakeCluster:
    """Records what it is asked to do; programs have the status that a test sets."""

    def __init__(self, nodes=NODES, versions=None, sees=True):
        self.there, self.versions, self.sees = nodes, {**question.versions(), **(versions or {})}, sees
        self.asked, self.started, self.stopped, self.closed = [], {}, [], False
        self.statuses = {}

    def nodes(self):
        return self.there

    def ask(self, nodes, program):
        self.asked = [node.name for node in nodes]
        seen = Path(program.arguments[2]).read_text() if self.sees else None
        return {node.id: Answer(0, json.dumps({"versions": self.versions, "seen": seen}), "") for node in nodes}

    def start(self, handle, program, wanted):
        self.started[handle] = program, wanted
        self.statuses[handle] = "waiting"

    def status(self, handle):
        return self.statuses[handle]

    def stop(self, handles):
        self.stopped += handles

    def close(self):
        self.closed = True


@pytest.fixture
def make(tmp_path):
    """The executor on a fake cluster, and the cluster."""

    def opened(cluster=None, **context):
        cluster = cluster or FakeCluster()
        context = {"gpus_per_run": 1, "environ": {"NAME": "head"}, "results": tmp_path / "results", **context}
        return checked(cluster, RayOptions(), ExecutorContext(**context), tmp_path), cluster

    return opened


TASKS = [Path(f"/study/tasks/c{cycle}.1.json") for cycle in (1, 2, 3)]


def test_it_is_an_executor_whose_tasks_end_with_it(make):
    executor, _ = make()
    assert isinstance(executor, Executor)
    assert (executor.name, executor.outlives) == ("ray", False)


def test_a_task_is_a_worker_with_the_folder_and_environment_of_the_head(make, tmp_path):
    executor, cluster = make()
    (handle,) = executor.submit(TASKS[:1])
    program, wanted = cluster.started[handle]
    assert program.arguments == ["-m", "llenergymeasure.study.executors.worker", "/study/tasks/c1.1.json"]
    assert (program.folder, program.environ, program.log) == (str(tmp_path), {"NAME": "head"}, "/study/tasks/c1.1.log")
    assert (program.interpreter, wanted) == (None, Wanted(gpus=1, cpus=1))


def test_another_interpreter_is_used_where_one_is_named(make):
    executor, cluster = make(interpreter="/opt/python")
    (handle,) = executor.submit(TASKS[:1])
    assert cluster.started[handle][0].interpreter == "/opt/python"
    assert make(interpreter=sys.executable)[1].started == {}


def test_without_a_limit_ray_holds_the_tasks_until_there_are_gpus(make):
    executor, cluster = make()
    handles = executor.submit(TASKS)
    assert list(cluster.started) == handles


def test_with_a_limit_the_next_task_starts_when_one_has_ended(make):
    executor, cluster = make(parallel=2)
    first, second, third = executor.submit(TASKS)
    assert list(cluster.started) == [first, second]
    cluster.statuses |= {first: "running", second: "lost"}
    assert executor.poll([first, second, third]) == {first: "running", second: "lost", third: "waiting"}
    assert list(cluster.started) == [first, second, third]
    assert cluster.stopped == []


def test_a_status_that_is_final_is_not_asked_again(make):
    executor, cluster = make()
    (handle,) = executor.submit(TASKS[:1])
    cluster.statuses[handle] = "ended"
    assert executor.poll([handle]) == {handle: "ended"}
    del cluster.statuses[handle]
    assert executor.poll([handle]) == {handle: "ended"}


def test_a_task_that_is_not_known_is_lost(make):
    assert make()[0].poll(["of another process"]) == {"of another process": "lost"}


def test_cancelled_tasks_are_stopped_or_never_begin(make):
    executor, cluster = make(parallel=1)
    first, second, third = executor.submit(TASKS)
    executor.cancel([first, second, "unknown"])
    assert cluster.stopped == [first]
    assert executor.poll([first, second]) == {first: "ended", second: "ended"}
    assert list(cluster.started) == [first, third]


def test_closing_stops_what_runs_and_leaves_the_cluster(make):
    executor, cluster = make(parallel=1)
    first, *_ = executor.submit(TASKS)
    executor.close()
    assert (cluster.stopped, cluster.closed, list(cluster.started)) == ([first], True, [first])


def test_only_nodes_that_can_make_a_cycle_are_asked(make):
    assert make(gpus_per_run=2)[1].asked == ["one"]


def test_resources_that_will_never_exist_are_found_before_the_run(make):
    with pytest.raises(PreFlightError, match="needs 4 GPUs and 1 CPUs on one node, and no node"):
        make(gpus_per_run=4)


def test_every_finding_of_every_node_is_reported_and_nothing_is_left(make, tmp_path):
    with pytest.raises(PreFlightError) as error:
        make(FakeCluster(versions={"llenergymeasure": None}, sees=False))
    assert len(error.value.findings) == 4
    assert not (tmp_path / "results").exists()


def test_the_mark_is_removed_from_a_folder_that_was_there(make, tmp_path):
    (tmp_path / "results").mkdir()
    make()
    assert list((tmp_path / "results").iterdir()) == []


def test_results_that_cannot_be_written_are_one_message(make, tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written"):
        make()


@pytest.mark.parametrize(
    ("address", "words", "fix"),
    [
        ("local", "Ray cannot be started on this machine: why", "lower num_cpus or num_gpus"),
        ("auto", "there is no connection to the Ray cluster at 'auto': why", "start a cluster with `ray start --head`"),
        (
            "ray://h:10001",
            "there is no connection to the Ray cluster at 'ray://h:10001': why",
            "start a cluster with `GRPC_ENABLE_FORK_SUPPORT=0 ray start --head`",
        ),
    ],
)
def test_no_connection_is_a_finding(address, words, fix):
    finding = not_connected(RayOptions(address), "why")
    assert finding.problem == words
    assert finding.fix.startswith(fix)


def test_bindings_of_other_gpus_that_cannot_be_imported_are_a_finding():
    finding = not_imported(KeyError("libamd_smi.so"))
    assert finding.problem == "Ray cannot be imported: KeyError: 'libamd_smi.so'"
    assert "pip uninstall amdsmi" in finding.fix
