"""What is found on the nodes of a cluster before a study runs on them."""

from __future__ import annotations

import json

import pytest

from llenergymeasure.study.executors.ray.child import Answer
from llenergymeasure.study.executors.ray.nodes import Here, Node, Wanted, no_room, node_findings, usable, wanted_of

BIG = Node("1", "big (10.0.0.1)", cpus=32, gpus=8)
SMALL = Node("2", "small (10.0.0.2)", cpus=4, gpus=2)
BARE = Node("3", "bare (10.0.0.3)", cpus=64, gpus=0)
NODES = (BIG, SMALL, BARE)
VERSIONS = {"python": "3.11.9", "ray": "2.60.0", "llenergymeasure": "2.1.0"}
HERE = Here(VERSIONS, "/results", "abc")


def answer(seen="abc", **changes):
    return Answer(0, "a line of something else\n" + json.dumps({"versions": {**VERSIONS, **changes}, "seen": seen}), "")


def findings(found):
    return list(map(str, node_findings(SMALL, found, HERE)))


def test_nodes_that_have_the_resources_are_usable():
    assert usable(NODES, Wanted(gpus=2, cpus=1)) == (BIG, SMALL)
    assert usable(NODES, Wanted(gpus=4, cpus=1)) == (BIG,)
    assert usable(NODES, Wanted(gpus=0, cpus=16)) == (BIG, BARE)


@pytest.mark.parametrize(
    ("gpus", "cpus", "wanted"),
    [
        (4, None, Wanted(gpus=4, cpus=1)),
        (4, 8, Wanted(gpus=4, cpus=8)),
        (0, None, Wanted(gpus=0, cpus=4)),
        (0, 0.5, Wanted(gpus=0, cpus=0.5)),
        (None, None, Wanted(gpus=2, cpus=1)),
    ],
)
def test_a_cycle_takes_one_cpu_beside_its_gpus_and_otherwise_a_whole_node(gpus, cpus, wanted):
    assert wanted_of(NODES, gpus, cpus) == wanted


def test_all_gpus_of_a_cluster_without_gpus_are_none():
    assert wanted_of([BARE], None, None) == Wanted(gpus=0, cpus=64)


def test_resources_that_no_node_has_are_named_with_what_there_is():
    assert str(no_room([SMALL, BARE], Wanted(gpus=4, cpus=1))) == (
        "a cycle needs 4 GPUs and 1 CPUs on one node, and no node of the Ray cluster has them: small (10.0.0.2) has 2 GPUs and 4 "
        "CPUs; bare (10.0.0.3) has 0 GPUs and 64 CPUs\n"
        "  fix: add such a node, or lower --gpus-per-run or --executor-option cpus_per_run"
    )


def test_a_node_with_the_same_versions_that_sees_the_file_has_no_finding():
    assert findings(answer()) == []


def test_other_versions_are_named_with_their_fix():
    assert findings(answer(llenergymeasure="2.0.0", ray=None, python="3.12.1")) == [
        "node small (10.0.0.2) of the Ray cluster has python 3.12.1, and this machine has python 3.11.9\n"
        "  fix: use the same Python on every node",
        "node small (10.0.0.2) of the Ray cluster has no ray, and this machine has ray 2.60.0\n"
        '  fix: there: pip install "ray==2.60.0"',
        "node small (10.0.0.2) of the Ray cluster has llenergymeasure 2.0.0, and this machine has llenergymeasure 2.1.0\n"
        '  fix: there: pip install "llenergymeasure==2.1.0"',
    ]


@pytest.mark.parametrize("seen", [None, "another file"])
def test_a_disk_that_a_node_does_not_see_is_a_finding(seen):
    assert findings(answer(seen=seen)) == [
        "node small (10.0.0.2) of the Ray cluster does not see the files that this machine writes into /results\n"
        "  fix: choose an --output on a disk that every node mounts at the same path"
    ]


def test_a_node_that_does_not_answer_is_a_finding():
    assert "does not answer: nothing came within 120 s" in findings("nothing came within 120 s")[0]


@pytest.mark.parametrize("output", ["", "no JSON", '"a text"', '{"versions": {}}'])
def test_a_program_that_fails_on_a_node_is_a_finding_with_its_last_words(output):
    (found,) = findings(Answer(1, output, "Traceback\nNo module named encodings\n"))
    assert "ended with exit code 1" in found
    assert "No module named encodings" in found
