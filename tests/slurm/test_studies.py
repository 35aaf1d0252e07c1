"""Studies on a cluster of one node, as a user runs them: cancelled, started again, detached, and collected after a kill."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from llenergymeasure import StudyResult
from llenergymeasure.study.executors.records import read_records
from nvmlsim import sim_gpu
from slurm.cluster import Cluster
from small_study import small_study
from waiting import until

pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[2]
# A cycle lasts long enough to be cancelled, and its model is loaded in the worker itself.
SLOW = ("--set", "min_duration_seconds=2")
# The second one still runs after the first one was cancelled.
SLOWER = ("--set", "min_duration_seconds=10")


class Site:
    """A user of the cluster, with a working directory and an empty HOME."""

    def __init__(self, place: Path, cluster: Cluster) -> None:
        self.place, self.cluster = place, cluster
        self.work = place / "work"
        for name in ("home", "work"):
            (place / name).mkdir()
        (self.work / "study.yaml").write_text(small_study("none"))
        self.environ = {
            **{name: value for name, value in cluster.environ.items() if not name.startswith(("XDG_", "LLEM_", "HF_"))},
            "HOME": str(place / "home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src"),
        }  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "llenergymeasure", *arguments], cwd=self.work, env=self.environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def ended(self, process: subprocess.Popen[str]) -> tuple[int, str, str]:
        try:
            out, err = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"it did not end: {out}\n{err}\n{self.logs()}") from None
        return process.returncode, out, err

    def llem(self, *arguments: str) -> tuple[int, str, str]:
        return self.ended(self.start(*arguments))

    @property
    def folder(self) -> Path:
        (found,) = (path for path in (self.work / "results").iterdir() if not path.name.startswith("."))
        return found

    def is_there(self) -> bool:
        return (self.work / "results").is_dir() and any((self.work / "results").glob("[!.]*/tasks/c1.1.sh"))

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in self.work.glob("results/*/tasks/*.log"))

    def running(self, cycle: int) -> str | None:
        """The handle of the element that runs a cycle, once its worker has begun."""
        found = [handle for handle, state in self.cluster.states().items() if state == "RUNNING"]
        of_cycle = [handle for handle in found if handle.endswith(f"_{cycle}")]
        begun = any('"began"' in path.read_text() for path in self.work.glob(f"results/*/tasks/c{cycle}.*.jsonl"))
        return of_cycle[0] if of_cycle and begun else None

    def once_running(self, cycle: int) -> str:
        """The same, as soon as there is one."""
        found: list[str] = []

        def is_there() -> bool:
            found.extend(filter(None, [self.running(cycle)]))
            return bool(found)

        assert until(is_there, 90), self.logs()
        return found[0]


@pytest.fixture
def site(tmp_path, cluster):
    found = Site(tmp_path, cluster)
    yield found
    cluster.run("scancel", "--me", check=False)
    assert until(lambda: cluster.jobs() == [], 60), cluster.jobs()


def rows_are_complete(study: StudyResult, cycles: int) -> bool:
    return Counter(row.cycle for row in study.runs if row.state == "completed") == dict.fromkeys(
        range(1, cycles + 1), 2
    )


def test_a_cancelled_cycle_is_submitted_again_and_a_requeued_one_goes_on(site):
    process = site.start("run", "study.yaml", "--executor", "slurm", "--cycles", "3", *SLOWER)
    site.cluster.run("scancel", site.once_running(1))
    requeued = site.once_running(2)
    site.cluster.run("scontrol", "requeue", requeued)
    code, out, err = site.ended(process)
    assert code == 0, err + site.logs()
    assert "6 of 6 runs have a result" in out
    assert "cycle 1 was lost" in err
    assert rows_are_complete(StudyResult.from_dir(site.folder), 3)
    assert until(lambda: site.cluster.states()[requeued] == "COMPLETED"), site.cluster.states()
    assert {path.name for path in site.folder.glob("tasks/*.json")} == {
        "c1.1.json",
        "c1.2.json",
        "c2.1.json",
        "c3.1.json",
    }


def test_a_detached_study_is_collected(site):
    code, out, err = site.llem("run", "study.yaml", "--executor", "slurm", "--detach")
    assert code == 0, err
    collect = next(line for line in (out + err).splitlines() if "llem run --resume" in line)
    words = shlex.split(collect[collect.index("llem run") :])
    code, out, err = site.llem(*words[1:])
    assert code == 0, err + site.logs()
    assert "4 of 4 runs have a result" in out
    assert set(site.cluster.states()) >= {f"{handle}" for handle in handles_of(site.folder)}
    assert len(handles_of(site.folder)) == 2


def handles_of(folder: Path) -> set[str]:
    return {json.loads(path.read_text())["handle"] for path in folder.glob("tasks/*.json")}


def test_what_a_killed_head_submitted_is_adopted(site):
    process = site.start("run", "study.yaml", "--executor", "slurm", *SLOW)
    site.once_running(1)
    process.kill()
    process.communicate()
    code, out, err = site.llem("run", "--resume", str(site.folder), "--executor", "slurm")
    assert code == 0, err + site.logs()
    assert "4 of 4 runs have a result" in out
    assert rows_are_complete(StudyResult.from_dir(site.folder), 2)
    assert len(list(site.folder.glob("tasks/*.json"))) == 2


def test_an_emitted_script_can_be_checked_submitted_and_collected(site):
    before = site.cluster.states()
    code, out, err = site.llem("run", "study.yaml", "--executor", "slurm", "--emit", "sbatch")
    assert code == 0, err
    assert site.cluster.states() == before
    script = site.work / "study.sbatch"
    script.write_text(out)
    subprocess.run(["bash", "-n", str(script)], check=True)
    site.cluster.run("sbatch", "--test-only", str(script))
    subprocess.run(["sbatch", str(script)], cwd=site.work, env=site.environ, check=True, capture_output=True)
    code, out, err = site.llem("run", "--resume", str(site.folder), "--executor", "slurm")
    assert code == 0, err + site.logs()
    assert "4 of 4 runs have a result" in out
    assert len(site.cluster.states()) == len(before) + 2


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["partition=gpu"], "Slurm has no partition 'gpu'"),
        (["gres=gpu:9"], "Slurm refuses the cycles: "),
        (["tiem=1"], "Slurm refuses the cycles: "),
    ],
)
def test_what_slurm_would_refuse_is_found_before_the_run(site, options, problem):
    given = [word for option in options for word in ("--executor-option", option)]
    code, _, err = site.llem("run", "study.yaml", "--executor", "slurm", *given)
    assert (code, problem in err) == (1, True), err
    assert not (site.work / "results").exists()


def test_a_controller_that_does_not_answer_is_found_before_the_run(site, tmp_path):
    text = (site.cluster.folder / "slurm.conf").read_text()
    other = tmp_path / "slurm.conf"
    kept = [line for line in text.splitlines() if not line.startswith(("SlurmctldPort=", "MessageTimeout="))]
    other.write_text("\n".join([*kept, "MessageTimeout=2"]) + "\n")
    site.environ["SLURM_CONF"] = str(other)
    code, _, err = site.llem("run", "study.yaml", "--executor", "slurm")
    assert (code, "the controller of Slurm does not answer" in err) == (1, True), err


def test_each_cycle_has_a_gpu_of_its_own(site, simulation):
    """Slurm says which of two simulated GPUs a cycle has, and the worker finds it in NVML by this number."""
    gpus = simulation(sim_gpu("hopper", 0), sim_gpu("hopper", 1), real=True)
    site.environ |= gpus.environ
    text = (site.work / "study.yaml").read_text()
    (site.work / "study.yaml").write_text(text.replace("pytorch: {device: cpu}\n", ""))
    code, _, err = site.llem("run", "study.yaml", "--executor", "slurm", *SLOW)
    assert code == 0, err + site.logs()
    records = [read_records(site.folder / "tasks" / f"c{cycle}.1.jsonl")[0] for cycle in (1, 2)]
    assert len({gpu for record in records for gpu in record.gpus}) == 2
    assert [len(record.gpus) for record in records] == [1, 1]


def test_the_example_continues_when_it_is_started_again(site, tmp_path):
    """The script of examples/many-machines, with the partition of this cluster and without waits."""
    script = (ROOT / "examples" / "many-machines" / "slurm.sbatch").read_text()
    here = {"partition=cpu": "partition=main", "partition=gpu": "partition=main", "cpus-per-task=8": "cpus-per-task=1"}
    for old, new in here.items():
        assert old in script
        script = script.replace(old, new)
    (tmp_path / "bin").mkdir()
    llem = tmp_path / "bin" / "llem"
    llem.write_text(f'#!/bin/sh\nexec {sys.executable} -m llenergymeasure "$@"\n')
    llem.chmod(0o755)
    (site.work / "slurm.sbatch").write_text(script)
    environ = {**site.environ, "PATH": f"{llem.parent}:{os.environ['PATH']}"}
    command = ["sbatch", "--parsable", "slurm.sbatch", "study.yaml"]
    done = subprocess.run(command, cwd=site.work, env=environ, check=True, capture_output=True, text=True)
    job = done.stdout.strip()
    assert until(site.is_there, 90), (site.work / f"llem-{job}.log").read_text()
    site.cluster.run("scontrol", "requeue", job)
    state = lambda: site.cluster.run("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}").strip()  # noqa: E731
    assert until(lambda: state() == "COMPLETED", 150), (state(), (site.work / f"llem-{job}.log").read_text())
    assert rows_are_complete(StudyResult.from_dir(site.folder), 2)


def test_an_interrupt_cancels_the_cycles(site):
    process = site.start("run", "study.yaml", "--executor", "slurm", "--set", "min_duration_seconds=60")
    site.once_running(1)
    process.send_signal(signal.SIGINT)
    code, _, err = site.ended(process)
    assert code == 130, err
    assert f"continue with: llem run --resume results/{site.folder.name} --executor slurm" in err
    assert until(lambda: site.cluster.jobs() == [], 60), site.cluster.jobs()
