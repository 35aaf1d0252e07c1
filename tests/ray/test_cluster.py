"""A Ray cluster that runs already, as `ray start` makes it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest

from llenergymeasure import StudyResult
from llenergymeasure.study.executors.ray.options import RayOptions
from waiting import until

RAY = [sys.executable, "-m", "ray.scripts.scripts"]
ABORTED = ConnectionAbortedError("Initialization failure from server:\nStarting Ray client server failed.")


def on(address: str) -> list[str]:
    return ["--executor", "ray", "--executor-option", f"address={address}"]


@pytest.mark.parametrize("way", ["address", "client"])
def test_a_study_runs_on_a_cluster_that_exists(place, cluster, way):
    place.study(cycles=2, n=1, tokens=5)
    code, _, err = place.llem("run", "study.yaml", *on(getattr(cluster, way)))
    assert code == 0, err
    study = StudyResult.from_dir(place.folder())
    assert [row.state for row in study.runs] == ["completed"] * 8
    assert "Traceback" not in err
    assert place.processes("raylet")
    assert until(lambda: not place.processes("executors.worker"), 20)


def test_a_head_that_is_killed_leaves_the_cluster_and_no_worker(place, cluster):
    place.study(cycles=2, tokens=100)  # cycles of many seconds: the first one lasts until the second one has begun
    process = place.start("run", "study.yaml", *on(cluster.address))
    assert until(lambda: len(place.processes("executors.worker")) == 2, 180)
    process.kill()
    process.communicate()
    assert until(lambda: not place.processes("executors.worker"), 30), place.processes()
    assert place.processes("raylet")
    code, _, err = place.llem("run", "--resume", str(place.folder()), *on(cluster.address))
    assert code == 0, err
    assert {row.state for row in StudyResult.from_dir(place.folder()).runs} == {"completed"}


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root, to hide a folder from a node"
)
def test_a_node_that_does_not_see_the_results_is_found_before_the_run(place, cluster):
    place.study(cycles=1)
    (place.path / "results").mkdir()
    node = [*RAY, "start", "--address", cluster.address, "--block", "--num-cpus", "1", "--num-gpus", "1"]
    hide = 'mount -t tmpfs none "$0" && exec "$@"'
    command = ["unshare", "--mount", "bash", "-c", hide, str(place.path / "results"), *node]
    log = place.path / "node.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=place.environ, stdout=output, stderr=output)
    try:
        assert until(lambda: "Ray runtime started" in log.read_text() or process.poll() is not None, 180)
        code, out, err = place.llem("run", "study.yaml", *on(cluster.address))
        assert (code, out) == (1, ""), (err, log.read_text())
        assert "does not see the files that this machine writes into" in err
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_an_error_of_ray_without_a_type_of_its_own_is_the_reason_why_there_is_no_connection():
    from llenergymeasure.study.executors.ray.door import NotConnected, connected

    def times_out(*_arguments, **_options):
        raise Exception("The current node timed out during startup.\nThis could happen because ...")

    with pytest.raises(NotConnected, match=r"^The current node timed out during startup\.$"):
        connected(RayOptions(address="127.0.0.1:1"), times_out)


def test_a_process_that_the_head_could_not_start_for_a_client_is_asked_for_again():
    from llenergymeasure.study.executors.ray.door import connected

    answers, notes = [ABORTED, ABORTED, None], []

    def fails_at_first(*_arguments, **_options):
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    connected(RayOptions(address="ray://127.0.0.1:1"), fails_at_first, notes.append).close()
    assert answers == []
    assert notes == [
        "Ray's head is asked again (2 of 5): Initialization failure from server: Starting Ray client server failed.",
        "Ray's head is asked again (3 of 5): Initialization failure from server: Starting Ray client server failed.",
    ]


def test_a_head_that_never_starts_a_process_for_a_client_is_the_reason_why_there_is_no_connection():
    from llenergymeasure.study.executors.ray.door import CLIENT_TRIES, NotConnected, connected

    calls = []

    def fails(*_arguments, **_options):
        calls.append(1)
        raise ABORTED

    with pytest.raises(
        NotConnected, match=r"^Initialization failure from server: Starting Ray client server failed\.$"
    ):
        connected(RayOptions(address="ray://127.0.0.1:1"), fails)
    assert len(calls) == CLIENT_TRIES


def test_a_call_that_ray_does_not_know_is_no_missing_connection():
    from llenergymeasure.study.executors.ray.door import connected

    with pytest.raises(TypeError):
        connected(RayOptions(address="127.0.0.1:1"), lambda: None)
