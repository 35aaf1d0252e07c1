"""Studies on two simulated GPUs, as a user runs them: parallel, killed at any place, interrupted, and continued."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

import paced
from llenergymeasure import StudyResult
from llenergymeasure._files import TEMPORARY
from nvmlsim import Constant, Simulation, sim_gpu
from paced.truth import WATTS, Found, found_by
from waiting import p99, tried, until

pytestmark = pytest.mark.slow
WORKER = re.compile(r"executors\.worker \S*/tasks/(c\d+\.\d+)\.json")
MARK = "LLEM_TEST_OF_DEVICE_GROUPS"


class Place:
    """A folder with a study, an empty HOME and simulated GPUs. Every process of `llem` there has a variable of its own."""

    def __init__(self, path: Path, simulation: Simulation) -> None:
        self.path, self._mark = path, uuid4().hex
        (path / "home").mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LLEM_"))}
        own = {"HOME": str(path / "home"), "OMP_NUM_THREADS": "1", MARK: self._mark}
        self.environ = {**kept, **own, **simulation.environ, **paced.installed(path / "site")}

    def study(self, cycles: int, **lengths: int) -> None:
        (self.path / "study.yaml").write_text(paced.study(cycles, **lengths))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "llenergymeasure", *arguments], cwd=self.path, env=self.environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def llem(self, *arguments: str) -> tuple[int, str, str]:
        return ended(self.start(*arguments))

    @property
    def folder(self) -> Path:
        (found,) = (each for each in (self.path / "results").glob("*") if not each.name.startswith("."))
        return found

    def processes(self) -> dict[int, str]:
        """The commands of all processes that come from here, by their id."""
        return dict(_commands(f"{MARK}={self._mark}".encode()))

    def workers(self) -> dict[str, int]:
        """The ids of the workers, by the name of their task."""
        found = {pid: WORKER.search(command) for pid, command in self.processes().items()}
        return {match[1]: pid for pid, match in found.items() if match}

    def is_at_another_run(self, task: str) -> bool:
        """Whether the worker of a task has completed a run, and has begun the next one."""
        journals = [path.read_text() for path in self.path.glob(f"results/*/tasks/{task}.jsonl")]
        return any('"state":"completed"' in text and '"state":"running"' in text.splitlines()[-1] for text in journals)


def _commands(variable: bytes) -> Iterator[tuple[int, str]]:
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if variable in (path / "environ").read_bytes():
                yield int(path.name), (path / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture
def place(tmp_path: Path, simulation: Callable[..., Simulation]) -> Iterator[Place]:
    """Two GPUs, of which the second always draws 8 % more power."""
    gpus = [sim_gpu("hopper", number, idle=[Constant(watts)]) for number, watts in enumerate(WATTS)]
    made = Place(tmp_path, simulation(*gpus, real=True))
    sys.path.append(str(tmp_path / "site"))  # the metadata of the backend, so that this process can read studies of it
    yield made
    sys.path.remove(str(tmp_path / "site"))
    for pid in made.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def nothing_is_left(place: Place, was_killed: bool = False) -> None:
    """No process, and no hidden file but one that a killed process was writing: its name differs each time, and it is not read."""
    assert until(lambda: not place.processes(), 30), place.processes()
    hidden = {path for path in place.folder.rglob("*") if path.name.startswith(".")}
    assert hidden - set(place.folder.rglob(TEMPORARY) if was_killed else ()) == set()


def test_a_gpu_that_draws_8_percent_more_leaves_the_effects_where_they_are(place):
    place.study(cycles=4, tokens=100)  # runs of seconds: a stall of the machine by 50 ms changes little

    def found() -> Found:
        shutil.rmtree(place.path / "results", ignore_errors=True)
        code, _, err = place.llem("run", "study.yaml", "--parallel", "2")
        assert code == 0, err
        assert sum(re.search(r"run \d+ of 16(, .* left)?: ", line) is not None for line in err.splitlines()) == 16
        return found_by(StudyResult.from_dir(place.folder))

    tried(found, Found.is_true, lambda late_s: p99(late_s) > 0.02)
    study = StudyResult.from_dir(place.folder)
    assert [row.state for row in study.runs] == ["completed"] * 16
    gpus = {row.cycle: row.gpus for row in study.runs}
    assert sorted(Counter(gpus.values()).values()) == [2, 2]
    assert all(row.gpus == gpus[row.cycle] and row.block == f"cycle {row.cycle}" for row in study.runs)

    assert any(text.startswith("neighbours: ") for text in study.warnings)
    assert max(row.neighbours for row in study.runs) == 1
    assert all(abs(row.clock_offset_s) < 5 for row in study.runs)
    header = (place.folder / "runs.csv").read_text().splitlines()[0]
    assert ",task,neighbours,clock_offset_s," in header
    nothing_is_left(place)


def begun(place: Place, cycles: int = 2) -> tuple[subprocess.Popen[str], dict[str, int]]:
    """A study in which both GPUs have completed a run, and are at the next one; and its workers."""
    place.study(cycles, tokens=150)  # cycles of many seconds: the first one lasts until the second one has begun
    process = place.start("run", "study.yaml", "--parallel", "2")
    tasks, workers = {"c1.1", "c2.1"}, {}

    def are_at_work() -> bool:
        workers.update(place.workers())
        return tasks <= set(workers) and all(map(place.is_at_another_run, tasks))

    assert until(are_at_work, 120), ended(process)
    return process, workers


def completed(place: Place, was_killed: bool = False) -> StudyResult:
    """The study: every run has one result, and every cycle is one block on one GPU."""
    study = StudyResult.from_dir(place.folder)
    assert {row.state for row in study.runs} == {"completed"}
    assert len({row.result for row in study.runs}) == len(study.runs)
    for cycle in {row.cycle for row in study.runs}:
        assert len({(row.block, row.gpus) for row in study.runs if row.cycle == cycle}) == 1
    nothing_is_left(place, was_killed)
    return study


def test_a_cycle_whose_worker_is_killed_starts_again(place):
    process, workers = begun(place)
    os.kill(workers["c1.1"], signal.SIGKILL)
    code, _, err = ended(process)
    assert code == 0, err
    assert "cycle 1 was lost" in err
    study = completed(place, was_killed=True)
    assert {row.task for row in study.runs if row.cycle == 2} == {"c2.1"}
    assert "c1.2" in {row.task for row in study.runs}


def test_a_head_that_is_killed_leaves_no_process_and_is_resumed(place):
    process, _ = begun(place)
    kept = {path: path.read_bytes() for path in place.path.glob("results/*/runs/*/result.json")}
    process.kill()
    ended(process)
    assert until(lambda: not place.processes(), 40), place.processes()
    code, _, err = place.llem("run", "--resume", str(place.folder), "--parallel", "2")
    assert code == 0, err
    assert all(path.read_bytes() == content for path, content in kept.items())
    completed(place, was_killed=True)


def test_a_study_goes_on_while_the_workers_of_its_killed_head_still_end(place):
    process, _ = begun(place)
    process.kill()
    code, _, err = place.llem("run", "--resume", str(place.folder), "--parallel", "2")
    ended(process)
    assert code == 0, err
    completed(place, was_killed=True)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_130_and_the_line_that_continues(place, how):
    process, _ = begun(place)
    process.send_signal(how)
    code, out, err = ended(process)
    assert (code, out) == (130, ""), err
    assert f"continue with: llem run --resume results/{place.folder.name} --parallel 2\n" in err
    assert "Traceback" not in err
    states = {row.state for row in StudyResult.from_dir(place.folder).runs}
    assert {"completed", "interrupted"} <= states
    assert "running" not in states
    nothing_is_left(place)
    code, _, err = place.llem("run", "--resume", str(place.folder), "--parallel", "2")
    assert code == 0, err
    completed(place)


def test_a_study_of_one_process_is_continued_in_parallel_and_back(place):
    place.environ["CUDA_VISIBLE_DEVICES"] = "0"
    place.study(cycles=1, n=1, tokens=5)
    assert place.llem("run", "study.yaml")[0] == 0
    code, _, err = place.llem("run", "study.yaml", "--cycles", "2", "--resume", "--executor", "local")
    assert code == 0, err
    code, _, err = place.llem("run", "study.yaml", "--cycles", "3", "--resume")
    assert code == 0, err
    assert [row.task for row in completed(place).runs] == [None] * 4 + ["c2.1"] * 4 + [None] * 4


def test_quiet_and_json_leave_one_document(place):
    place.study(cycles=2, n=1, tokens=5)
    code, out, err = place.llem("run", "study.yaml", "--json", "--quiet", "--parallel", "2")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((place.folder / "study.json").read_text())
    nothing_is_left(place)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--parallel", "3"], "3 cycles at the same time with 1 GPUs each need 3 GPUs, and 2 are visible"),
        (["--parallel", "2", "--gpus-per-run", "2"], "2 cycles at the same time with 2 GPUs each need 4 GPUs"),
        (["--parallel", "two"], "'two' is not a whole number"),
        (["--parallel", "0"], "--parallel is 0; it must be at least 1"),
        (["--executor", "lokal"], "'lokal' is not an executor; use one of: local"),
        (["--executor", "local", "--executor-option", "a=b"], "'a' is not an option of this executor"),
        (["--gpus-per-run", "1"], "--gpus-per-run has no effect without --executor or --parallel"),
        (["--executor", "local", "--detach"], "--detach: workers of local end with this process"),
        (["--parallel", "2", "--order", "sequential"], "cycle_order sequential has none in time"),
    ],
)
def test_wrong_options_are_one_message_and_nothing_is_written(place, options, words):
    place.study(cycles=1)
    code, out, err = place.llem("run", "study.yaml", *options)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
    assert not (place.path / "results").exists()


def test_a_dry_run_sees_the_gpus_of_a_backend_without_torch(place):
    """The torch of this environment may be a build without CUDA, which says nothing about the GPUs of this backend."""
    place.study(cycles=2)
    code, out, err = place.llem("run", "study.yaml", "--parallel", "2", "--dry-run")
    assert code == 0, err
    assert "executor local: 2 cycles at the same time" in out + err


def test_unlike_gpus_are_refused(tmp_path, simulation):
    unlike = Place(tmp_path, simulation(sim_gpu("hopper", 0), sim_gpu("ampere", 1), real=True))
    unlike.study(cycles=2)
    code, _, err = unlike.llem("run", "study.yaml", "--parallel", "2")
    assert code == 2
    assert "the GPUs of the study are unlike: " in err
    assert "llem compare" in err
    assert not (unlike.path / "results").exists()
