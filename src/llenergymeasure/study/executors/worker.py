"""The program of a worker: `python -m llenergymeasure.study.executors.worker TASKFILE [OWNER]`.

```
 read task, run table and configuration . where am I: began . for each run of the cycle: wait, fresh process, keep . ended
```

It writes the folders of its own runs and its own journal, and nothing else. SIGTERM and SIGINT end the run in progress, which is
then recorded as interrupted. With OWNER, it ends in the same way when that process has ended.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from llenergymeasure._files import process_is_alive
from llenergymeasure.core.machine.signals import uninterrupted
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.exceptions import LLEMError
from llenergymeasure.launch.check import check_experiments
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.progress import Logged
from llenergymeasure.study.design import design_of
from llenergymeasure.study.environment import check_alike
from llenergymeasure.study.executors.merge import made_on
from llenergymeasure.study.executors.place import clock_offset_s, earlier_workers, lasting_since
from llenergymeasure.study.executors.records import Began, Ended, Record, read_records
from llenergymeasure.study.executors.task import CycleTask, journal_file, read_task, study_folder
from llenergymeasure.study.files.folder import StudyFolder
from llenergymeasure.study.files.journal import Journal
from llenergymeasure.study.files.manifest import Manifest, read_manifest
from llenergymeasure.study.files.resume import check_design, read_config
from llenergymeasure.study.gaps import Waits
from llenergymeasure.study.machine import Machine, measuring, opened_machine
from llenergymeasure.study.rows import Where
from llenergymeasure.study.table import RunParts, RunTable, failure_of

WATCH_S = 1.0
# Time for the run in progress and its processes to end after the owner has ended.
GRACE_S = 20.0
STOPPED, INTERRUPTED = 1, 130


def main(arguments: Sequence[str]) -> int:
    """Make the runs of a task. Returns 0, 1 when the worker stopped before its last run, or 130 when it was interrupted."""
    file, owner = Path(arguments[0]).resolve(), int(arguments[1]) if len(arguments) > 1 else None
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if owner is not None:
        threading.Thread(target=_end_with, args=(owner,), name="llem-owner", daemon=True).start()
    task = read_task(file)
    with Journal(journal_file(file)) as journal:
        return _Worker(file, task, journal).work()


def _end_with(owner: int) -> None:
    """End this process when its owner has ended: as after SIGTERM, and at once where that does not help."""
    while process_is_alive(owner):
        time.sleep(WATCH_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(INTERRUPTED)


class _Steps(Logged):
    """Logs each step."""

    def step(self, text: str, seconds: float | None = None) -> None:
        logging.getLogger("llenergymeasure").info(text)


class _Worker:
    """Makes the runs of a task.

    Args:
        file: the task file.
        task: the task.
        journal: the journal of this worker.
    """

    def __init__(self, file: Path, task: CycleTask, journal: Journal) -> None:
        self._file, self._folder, self._task, self._journal = file, study_folder(file), task, journal
        self._session = Session(progress=_Steps(), user_config=task.user_config)

    def work(self) -> int:
        """Make the runs, and record how the worker ended. Returns its exit code."""
        if self._task.is_given_up:  # an engine started it again, and another task has its cycle
            self._end(is_interrupted=True)
            return INTERRUPTED
        try:
            self._make_runs()
        except LLEMError as error:
            logging.getLogger("llenergymeasure").error(str(error))
            self._end(failure=failure_of(error))
            return STOPPED
        except KeyboardInterrupt:
            with uninterrupted():
                self._end(is_interrupted=True)
            return INTERRUPTED
        self._end()
        return 0

    def _end(self, failure: RunFailure | None = None, is_interrupted: bool = False) -> None:
        self._journal.append(Ended(record="ended", at=self._now(), failure=failure, is_interrupted=is_interrupted))

    def _now(self) -> str:
        return self._session.clock.utc_now().isoformat(timespec="milliseconds")

    def _make_runs(self) -> None:
        enter(self._task.directory)
        study, manifest = read_config(self._folder), read_manifest(self._folder)
        design = design_of(study)
        check_design(self._folder, manifest, design)
        if not self._task.is_checked:
            check_experiments(study.experiments, self._session, self._folder)
        with opened_machine(design, self._session) as machine, measuring(manifest.protocol, self._session) as measure:
            waits = self._begin(machine, manifest)
            rows = rows_to_make(self._task, read_records(journal_file(self._file)), machine)
            store = StudyFolder(self._folder, self._journal, writer=self._task.writer)
            parts = RunParts(
                design=design,
                measure=measure,
                store=store,
                waits=waits,
                clock=self._session.clock,
                where=Where(machine.host, machine.environment.digest),
                on_row=lambda row, result: None,
            )
            try:
                RunTable(rows, lasting_since(self._folder, self._task.since)).run(parts)
            finally:
                store.release()

    def _begin(self, machine: Machine, manifest: Manifest) -> Waits:
        """Record the place of this worker, check that it is like the others, and wait the gap after another cycle there."""
        clock, task = self._session.clock, self._task
        earlier = earlier_workers(self._folder, task.name, machine, task.since)
        starts = sum(isinstance(each, Began) for each in read_records(journal_file(self._file)))
        now_c = dict(machine.thermometer())
        self._journal.append(
            Began(
                record="began",
                start=starts + 1,
                host=machine.host,
                gpus=machine.gpus,
                environment=machine.environment,
                temperatures_c=now_c,
                clock_offset_s=clock_offset_s(self._file.parent, clock),
                at=self._now(),
            )
        )
        if not task.allow_other:
            check_alike((*manifest.environments, *earlier.environments), machine.environment, machine.host)
        start_c = {**now_c, **earlier.temperatures_c, **manifest.temperatures_c}
        waits = Waits(manifest.protocol, clock, self._session.progress, machine.thermometer, start_c)
        waits.before_cycle(earlier.ended_s_ago(clock))
        return waits


def enter(directory: str) -> None:
    """Make the working directory of `llem run` that of this process: models and prompts may have relative paths.

    Raises:
        LLEMError: it is not there.
    """
    try:
        os.chdir(directory)
    except OSError as error:
        raise LLEMError(
            f"the working directory of the study, {directory}, cannot be entered on this machine ({error.strerror}); "
            "start the study in a directory that all machines share"
        ) from error


def rows_to_make(task: CycleTask, records: Iterable[Record], machine: Machine) -> list[RunRow]:
    """The rows of a task, with what earlier starts of its worker recorded. Runs that were completed elsewhere are made again."""
    rows = {row.place: row for row in task.rows}
    rows |= {row.place: row for row in records if isinstance(row, RunRow)}
    ordered = (rows[place] for place in sorted(rows))
    return [row if made_on(row, machine.host, machine.gpus) else _to_make(row) for row in ordered]


def _to_make(row: RunRow) -> RunRow:
    return row.model_copy(update={"state": "pending", "failure": None, "result": None})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
