"""A study on a local Ray cluster with two simulated GPUs, and what is left of it."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest

from llenergymeasure import StudyResult
from paced.truth import Found, found_by
from waiting import p99, tried

LOCAL = ["--executor", "ray", "--executor-option", "address=local", "--executor-option", "num_cpus=2"]
TWO_GPUS = [*LOCAL, "--executor-option", "num_gpus=2"]


def test_a_gpu_that_draws_8_percent_more_leaves_the_effects_where_they_are(place):
    place.study(cycles=4, tokens=100)  # runs of seconds: a stall of the machine by 50 ms changes little

    def found() -> Found:
        shutil.rmtree(place.path / "results", ignore_errors=True)
        code, out, err = place.llem("run", "study.yaml", *TWO_GPUS)
        assert code == 0, err
        assert "ray" not in out.lower()
        return found_by(StudyResult.from_dir(place.folder()))

    tried(found, Found.is_true, lambda late_s: p99(late_s) > 0.02)
    study = StudyResult.from_dir(place.folder())
    assert [row.state for row in study.runs] == ["completed"] * 16
    gpus = {row.cycle: row.gpus for row in study.runs}
    assert sorted(Counter(gpus.values()).values()) == [2, 2]
    assert all(row.gpus == gpus[row.cycle] and row.block == f"cycle {row.cycle}" for row in study.runs)
    assert place.is_empty(), place.processes()


def test_one_document_is_on_stdout_and_nothing_of_ray_anywhere(place):
    place.study(cycles=1, n=1, tokens=5)
    code, out, err = place.llem("run", "study.yaml", "--json", "--quiet", *TWO_GPUS)
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((place.folder() / "study.json").read_text())
    assert place.is_empty(), place.processes()
    assert list(place.path.glob("home/**/ray*")) == []


@pytest.mark.parametrize(
    ("options", "expected", "words"),
    [
        (["--gpus-per-run", "4"], 1, "needs 4 GPUs and 1 CPUs on one node, and no node of the Ray cluster has them"),
        (["--executor-option", "num_gpu=1"], 2, "'num_gpu' is not an option of this executor"),
        (["--executor-option", "address=127.0.0.1:1"], 2, "is for a local cluster"),
    ],
)
def test_what_cannot_work_is_one_message_and_nothing_is_written(place, options, expected, words):
    place.study(cycles=1)
    code, out, err = place.llem("run", "study.yaml", *TWO_GPUS, *options)
    assert (code, out) == (expected, "")
    assert words in err
    assert "Traceback" not in err
    assert not (place.path / "results").exists()
    assert place.is_empty(), place.processes()


@pytest.mark.usefixtures("no_other_cluster")
def test_an_address_without_a_cluster_is_a_finding(place):
    place.study(cycles=1)
    code, _, err = place.llem("run", "study.yaml", "--executor", "ray")
    assert code == 1
    assert "there is no connection to the Ray cluster at 'auto'" in err
    assert "ray start --head" in err
