"""An executor whose workers run in this process, one after another and at once, on machines that measure nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from a_result import a_result
from fakes import RecordingProgress
from fakes_study import RUN_S, a_study_config
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.domain.files.study import write_result
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.study.design import design_of
from llenergymeasure.study.executors.executor import Status
from llenergymeasure.study.executors.records import Began, Ended, read_records
from llenergymeasure.study.executors.task import journal_file, read_task, study_folder
from llenergymeasure.study.executors.worker import rows_to_make
from llenergymeasure.study.files.folder import StudyFolder
from llenergymeasure.study.files.journal import Journal
from llenergymeasure.study.files.manifest import StudyEnvironment, read_manifest
from llenergymeasure.study.files.resume import read_config
from llenergymeasure.study.gaps import Waits
from llenergymeasure.study.machine import Machine
from llenergymeasure.study.rows import Where, completed_row
from llenergymeasure.study.table import RunParts, RunTable
from llenergymeasure.testing import FakeClock

H100 = "NVIDIA H100"


class Killed(BaseException):
    """A worker gets SIGKILL."""


def machine(number: int, host: str = "node-1", model: str = H100) -> Machine:
    """A machine with one GPU."""
    gpu = f"{model} (GPU-{number})"
    facts = {"CPU": "Xeon", "GPUs": gpu, "NVIDIA driver": "580", "torch": "2.6"}
    return Machine(
        host, StudyEnvironment(facts=facts, gpu_models=(model,)), (gpu,), lambda: {f"GPU-{number}": 30.0 + number}
    )


@dataclass(frozen=True)
class Fate:
    """What becomes of a worker.

    Attributes:
        runs: number of runs that it completes; None = all.
        end: how it ends then: by itself, killed, interrupted, or lost although it goes on.
        failure: why it stops before its first run; None if it does not.
    """

    runs: int | None = None
    end: str = "ended"
    failure: RunFailure | None = None


@dataclass
class FakeWorkers:
    """The executor.

    Attributes:
        machines: where workers run, in turn.
        fates: by name of the task; without one, all runs are completed.
        clock: passes while a worker runs.
        measured: run ids in the order in which they were measured.
    """

    machines: Sequence[Machine]
    fates: dict[str, Fate] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)
    name: str = "fake"
    outlives: bool = False
    measured: list[str] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    closed: bool = False
    before_poll: Callable[[], object] = lambda: None
    _statuses: dict[str, Status] = field(default_factory=dict)
    _late: list[Callable[[], object]] = field(default_factory=list)

    def submit(self, tasks: Sequence[Path]) -> list[str]:
        handles = [str(task) for task in tasks]
        self.submitted += [task.stem for task in tasks]
        self._statuses |= dict.fromkeys(handles, "waiting")
        return handles

    def poll(self, handles: Sequence[str]) -> dict[str, Status]:
        self.before_poll()
        waiting = [handle for handle in handles if self._statuses.get(handle, "waiting") == "waiting"]
        if waiting:
            self._statuses[waiting[0]] = self._work(Path(waiting[0]))
        return {handle: self._statuses[handle] for handle in handles}

    def cancel(self, handles: Sequence[str]) -> None:
        self.cancelled += [Path(handle).stem for handle in handles]
        self._statuses |= dict.fromkeys((each for each in handles if self._statuses[each] == "waiting"), "ended")

    def close(self) -> None:
        self.closed = True

    def write_late(self) -> None:
        """Workers that were lost go on."""
        while self._late:
            self._late.pop(0)()

    def _work(self, path: Path) -> Status:
        here, fate = self.machines[0], self.fates.get(path.stem, Fate())
        self.machines = [*self.machines[1:], here]
        work(path, here, fate, self.clock, self.measured)
        if fate.end == "lost":
            self._late.append(lambda: go_on(path, here))
        return "lost" if fate.end == "lost" else "ended"


class _Store(StudyFolder):
    """Records nothing after the worker was killed."""

    is_killed = False

    def record(self, row: RunRow) -> None:
        if not self.is_killed:
            super().record(row)


def work(path: Path, here: Machine, fate: Fate, clock: FakeClock, measured: list[str]) -> None:
    """Do what a worker does, until its fate."""
    folder, task = study_folder(path), read_task(path)
    manifest, design = read_manifest(folder), design_of(read_config(folder))
    with Journal(journal_file(path)) as journal:
        start = 1 + sum(isinstance(each, Began) for each in read_records(journal_file(path)))
        journal.append(
            Began(
                record="began", start=start, host=here.host, gpus=here.gpus, environment=here.environment,
                temperatures_c=dict(here.thermometer()), clock_offset_s=0.25, at=now(clock),
            )
        )  # fmt: skip
        if fate.failure is not None:
            journal.append(Ended(record="ended", at=now(clock), failure=fate.failure))
            return
        store = _Store(folder, journal, writer=task.writer)
        left = [fate.runs]

        def measure(config: ExperimentConfig, log: Path | None) -> ExperimentResult:
            if left[0] == 0:
                store.is_killed = fate.end != "interrupted"
                raise Killed if store.is_killed else KeyboardInterrupt
            left[0] = None if left[0] is None else left[0] - 1
            assert log is not None
            measured.append(log.parent.name)
            clock.sleep(RUN_S)
            return result_on(here)

        waits = Waits(manifest.protocol, clock, RecordingProgress(), dict, {})
        where = Where(here.host, here.environment.digest)
        rows = rows_to_make(task, read_records(journal_file(path)), here)
        try:
            RunTable(rows).run(RunParts(design, measure, store, waits, clock, where, lambda row, result: None))
        except Killed:
            return
        except KeyboardInterrupt:
            journal.append(Ended(record="ended", at=now(clock), is_interrupted=True))
            return
        journal.append(Ended(record="ended", at=now(clock)))


def go_on(path: Path, here: Machine) -> None:
    """Do what a worker does that was lost, and that has one run left: it completes it."""
    folder, started = study_folder(path), read_records(journal_file(path))[-1]
    assert isinstance(started, RunRow)
    stored = write_result(result_on(here), folder, started.run_id)
    with Journal(journal_file(path)) as journal:
        journal.append(completed_row(started, result_on(here), stored, RUN_S))


def result_on(here: Machine) -> ExperimentResult:
    """A result from the GPU of a machine."""
    result = a_result()
    (model,) = here.environment.gpu_models
    (uuid,) = here.thermometer()
    snapshot = result.environment_snapshot.model_copy(update={"gpus": (GpuInfo(index=0, name=model, uuid=uuid),)})
    return result.model_copy(update={"environment_snapshot": snapshot})


def now(clock: FakeClock) -> str:
    return clock.utc_now().isoformat(timespec="milliseconds")


def a_handed_out_study(cycles: int = 2):
    """A study of two cells."""
    return a_study_config(1, 8, n_cycles=cycles)
