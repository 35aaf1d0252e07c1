"""Workers, actors and heads that are killed: what was measured is kept, the rest is measured again, and no process is left."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from llenergymeasure import StudyResult
from waiting import until

TWO_GPUS = [
    "--executor", "ray", "--executor-option", "address=local", "--executor-option", "num_cpus=2", "--executor-option", "num_gpus=2",
]  # fmt: skip
WORKER = re.compile(r"executors\.worker \S*/tasks/(c\d+\.\d+)\.json")


def workers(place) -> dict[str, int]:
    """Ids of the processes of workers, by the name of their task."""
    found = {WORKER.search(command): pid for pid, command in place.processes().items()}
    return {match[1]: pid for match, pid in found.items() if match}


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_at_another_run(place, task: str) -> bool:
    """Whether the worker of a task has completed a run, and has begun the next one."""
    journals = [path.read_text() for path in place.path.glob(f"results/*/tasks/{task}.jsonl")]
    return any('"state":"completed"' in text and '"state":"running"' in text.splitlines()[-1] for text in journals)


def begun(place, cycles: int = 2):
    """A study in which both GPUs have completed a run, and are at the next one; and its workers."""
    place.study(cycles, tokens=150)  # cycles of many seconds: the first one lasts until the second one has begun
    process = place.start("run", "study.yaml", *TWO_GPUS)
    tasks, found = {"c1.1", "c2.1"}, {}

    def are_at_work() -> bool:
        found.update(workers(place))
        return tasks <= set(found) and all(is_at_another_run(place, task) for task in tasks)

    assert until(are_at_work, 120), ended(process)
    return process, found


def ended(process) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=150)
    finally:
        process.kill()
    return process.returncode, out, err


def completed(place) -> StudyResult:
    """The study, of which every run has one result."""
    study = StudyResult.from_dir(place.folder())
    assert [row.state for row in study.runs] == ["completed"] * 8
    assert len({row.result for row in study.runs}) == 8
    assert all(len({row.block for row in study.runs if row.cycle == cycle}) == 1 for cycle in (1, 2))
    assert place.is_empty(), place.processes()
    return study


@pytest.mark.parametrize("who", ["worker", "actor"])
def test_a_cycle_whose_worker_or_actor_is_killed_starts_again(place, who):
    process, found = begun(place)
    worker = found["c1.1"]
    os.kill(worker if who == "worker" else parent(worker), signal.SIGKILL)
    code, out, err = ended(process)
    assert code == 0, err
    assert "cycle 1 was lost" in err
    assert "(raylet)" not in out + err
    study = completed(place)
    assert {row.task for row in study.runs if row.cycle == 2} == {"c2.1"}
    assert "c1.2" in {row.task for row in study.runs}


def test_a_head_that_is_killed_takes_everything_with_it_and_is_resumed(place):
    process, _ = begun(place)
    kept = {path.parent.name for path in place.path.glob("results/*/runs/*/result.json")}
    process.kill()
    ended(process)
    assert place.is_empty(), place.processes()
    code, _, err = place.llem("run", "--resume", str(place.folder()), *TWO_GPUS)
    assert code == 0, err
    assert kept <= {path.parent.name for path in place.folder().glob("runs/*/result.json")}
    completed(place)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_130_and_the_line_that_continues(place, how):
    process, _ = begun(place)
    process.send_signal(how)
    code, out, err = ended(process)
    assert (code, out) == (130, ""), err
    assert f"continue with: llem run --resume results/{place.folder().name}" in err
    assert "Traceback" not in err
    states = {row.state for row in StudyResult.from_dir(place.folder()).runs}
    assert {"completed", "interrupted"} <= states
    assert "running" not in states
    assert place.is_empty(), place.processes()
