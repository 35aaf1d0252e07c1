"""The contract of every executor, as a class of tests.

Its studies need no GPU and no model: their runs fail, which takes a second, and a long task waits between two of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.user_config import ExecutionSettings, UserConfig
from llenergymeasure.domain.study.design import Protocol
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.design import design_of, protocol_of
from llenergymeasure.study.executors.executor import Executor, Status
from llenergymeasure.study.executors.handout import Handout
from llenergymeasure.study.executors.records import Began, Ended, Record, read_records
from llenergymeasure.study.executors.task import journal_file, write_task
from llenergymeasure.study.files.folder import Configuration, create_folder
from llenergymeasure.study.files.journal import Journal
from llenergymeasure.study.files.manifest import Manifest
from llenergymeasure.study.plan import pending_row, plan_runs

POLL_S = 0.1
LONG_S = 600.0
OVER = frozenset({"ended", "lost"})


@dataclass(frozen=True)
class ExecutorBench:
    """What the contract needs.

    Attributes:
        executor: the executor.
        folder: an empty folder that this process and the workers see.
        within_s: time within which a worker starts, and ends after a signal.
    """

    executor: Executor
    folder: Path
    within_s: float = 60.0

    def tasks(self, number: int, *, long: bool = False) -> list[Path]:
        """Task files of a new study with this number of cycles. A long task goes on until it is cancelled."""
        study = StudyConfig(
            name="contract",
            experiments=tuple(ExperimentConfig(model=f"./no-model-{each}") for each in range(2)),
            execution={"n_cycles": number, "isolation": "spawn", "experiment_gap_seconds": LONG_S},
        )
        design = design_of(study)
        protocol: Protocol = protocol_of(study, design, ExecutionSettings())
        runs = plan_runs(design, protocol, range(1, number + 1))
        manifest = Manifest(
            study_id="contract", design_hash=design.design_hash, prompts=design.prompts,
            started_at="2026-01-02T03:04:05+00:00", protocol=protocol, runs=runs,
        )  # fmt: skip
        folder = create_folder(self.folder, manifest, Configuration("", study.model_dump_json())).resolve()
        handout = Handout(self.executor, UserConfig(), is_checked=long)
        rows = {cycle: [pending_row(run) for run in runs if run.cycle == cycle] for cycle in range(1, number + 1)}
        return [write_task(folder, handout.task(cycle, rows[cycle], (), "", False)) for cycle in rows]

    def until(
        self, handles: Sequence[str], statuses: frozenset[str], also: Callable[[], bool] = lambda: True
    ) -> dict[str, Status]:
        """The statuses, as soon as all are among these."""
        end_s = time.monotonic() + self.within_s
        while time.monotonic() < end_s:
            found = self.executor.poll(handles)
            if set(found.values()) <= statuses and also():
                return found
            time.sleep(POLL_S)
        raise AssertionError(f"after {self.within_s:g} s the statuses are {self.executor.poll(handles)}")


class ExecutorContract:
    """Tests of an executor. Derive a class from it, beside a fixture `bench` that gives an `ExecutorBench`.

    ```python
    @pytest.fixture
    def bench(tmp_path):
        executor = create(ExecutorContext(parallel=2))
        yield ExecutorBench(executor, tmp_path)
        executor.close()

    class TestMyExecutor(ExecutorContract):
        pass
    ```
    """

    def test_it_is_an_executor_with_a_name(self, bench: ExecutorBench) -> None:
        """It has every member of `Executor`, and a name."""
        assert isinstance(bench.executor, Executor), f"{type(bench.executor).__name__} lacks members of Executor"
        assert bench.executor.name, "name is empty"

    def test_every_task_has_a_handle_and_ends(self, bench: ExecutorBench) -> None:
        """There may be more tasks than device groups. Each worker writes its journal, and says why it stopped."""
        tasks = bench.tasks(3)
        handles = bench.executor.submit(tasks)
        assert all(isinstance(handle, str) for handle in handles), f"handles are no texts: {handles}"
        assert len(set(handles)) == len(tasks), f"{len(tasks)} tasks have the handles {handles}"
        bench.until(handles, OVER)
        for task in tasks:
            last = records_of(task)[-1:]
            assert isinstance(last[0], Ended) if last else False, (
                f"{journal_file(task)} does not say how its worker ended"
            )

    def test_a_task_that_has_ended_stays_so_and_may_be_cancelled(self, bench: ExecutorBench) -> None:
        """Its status is the same when it is asked again."""
        handles = bench.executor.submit(bench.tasks(1))
        found = bench.until(handles, OVER)
        bench.executor.cancel(handles)
        assert bench.executor.poll(handles) == found

    def test_a_cancelled_worker_records_that_it_was_interrupted(self, bench: ExecutorBench) -> None:
        """It gets SIGTERM and time to write its journal."""
        (task,) = bench.tasks(1, long=True)
        handles = bench.executor.submit([task])
        bench.until(handles, frozenset({"running"}), lambda: has_begun(task))
        bench.executor.cancel(handles)
        bench.until(handles, OVER)
        ended = [record for record in records_of(task) if isinstance(record, Ended)]
        assert [each.is_interrupted for each in ended] == [True], f"{journal_file(task)} ends with {ended}"

    def test_a_task_that_waits_may_be_cancelled(self, bench: ExecutorBench) -> None:
        """It does not start later."""
        handles = bench.executor.submit(bench.tasks(8, long=True))
        bench.executor.cancel(handles)
        bench.until(handles, OVER)

    def test_after_close_no_worker_writes(self, bench: ExecutorBench) -> None:
        """Workers have ended when an executor that they do not outlive is closed."""
        (task,) = bench.tasks(1, long=True)
        handles = bench.executor.submit([task])
        bench.until(handles, frozenset({"running"}), lambda: has_begun(task))
        bench.executor.close()
        if not bench.executor.outlives:
            assert is_free(journal_file(task)), f"after close() a worker still writes {journal_file(task)}"


def records_of(task: Path) -> list[Record]:
    """What the worker of a task recorded."""
    return read_records(journal_file(task))


def has_begun(task: Path) -> bool:
    """Whether the worker of a task has started."""
    return any(isinstance(record, Began) for record in records_of(task))


def is_free(journal: Path) -> bool:
    """Whether no process writes a journal."""
    try:
        Journal(journal).close()
    except ConfigError:
        return False
    return True
