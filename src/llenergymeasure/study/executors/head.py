"""The head of a study on several device groups: it hands out the cycles and merges the rows of the workers.

```
 merge what earlier tasks left . submit the cycles that are left . until all have ended: poll, merge, submit lost cycles again
```

A lost cycle is submitted again. Its earlier worker may still write: those results stay on the disk and are not merged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from llenergymeasure.core.machine.last_lines import last_lines
from llenergymeasure.core.machine.signals import uninterrupted
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.exceptions import ConfigError, LLEMError
from llenergymeasure.progress import Progress
from llenergymeasure.protocols import Clock
from llenergymeasure.study.environment import check_alike
from llenergymeasure.study.executors.executor import Executor
from llenergymeasure.study.executors.handout import Handout, after, wait_until_free
from llenergymeasure.study.executors.merge import Followed, Merge
from llenergymeasure.study.executors.records import Began
from llenergymeasure.study.executors.task import CycleTask, journal_file, log_file, task_file, tasks_of, write_task
from llenergymeasure.study.files.folder import remove_reserve
from llenergymeasure.study.files.manifest import Manifest, StudyEnvironment, write_manifest
from llenergymeasure.study.outlook import Outlook, Progressed

POLL_S = 0.25
# A worker ends its run and its processes within about 5 s of a signal.
CANCEL_S = 30.0
# A cycle that was lost is submitted again this often.
MOST_AGAIN = 3

OnRow = Callable[[RunRow, "ExperimentResult | None", Progressed], None]


class Head:
    """Makes the runs of a study by handing out its cycles.

    Args:
        folder: the folder of the study.
        manifest: its run table.
        rows: the table of the study; it is changed.
        record: writes a row into the journal of the study.
        clock: time.
        progress: receives what happens to the tasks.
        allow_other: whether device groups may differ from those of earlier runs of the study.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        rows: list[RunRow],
        record: Callable[[RunRow], None],
        clock: Clock,
        progress: Progress,
        allow_other: bool = False,
    ) -> None:
        self._folder, self.manifest, self._clock, self._progress = folder.resolve(), manifest, clock, progress
        self._since, self._allow_other = clock.utc_now().isoformat(timespec="milliseconds"), allow_other
        self._alike: list[StudyEnvironment] = [] if allow_other else list(manifest.environments)
        self._open: dict[str, Followed] = {}
        self._unsubmitted: list[CycleTask] = []
        self._times_lost: dict[int, int] = {}
        self._report: OnRow = lambda row, result, progressed: None
        self._merge = Merge(self._folder, rows, record, self._began, self._ended, self._made_again)
        self._outlook = Outlook(rows)

    def collect(self) -> None:
        """Merge what the workers of earlier tasks wrote.

        Raises:
            ConfigError: a file is damaged, or another process runs the study.
            LLEMError: a row could not be recorded.
        """
        for task in tasks_of(self._folder):
            self._merge.follow(task)
            if not task.outlives and not task.is_given_up:
                wait_until_free(journal_file(task_file(self._folder, task.name)), self._clock)
                remove_reserve(self._folder, task.writer)
        self._merge.take()
        for followed in self._earlier():
            self._merge.recover(followed)

    def give_up_earlier(self, executor: Executor | None) -> None:
        """Adopt the earlier tasks that go on without this process, and give the other ones up that have not ended.

        Args:
            executor: the executor; None = runs are made by this process.

        Raises:
            ConfigError: tasks go on, and are of another executor.
            LLEMError: a row could not be recorded.
        """
        for followed in self._earlier():
            task = followed.task
            if task.outlives and executor is not None and executor.name == task.executor:
                self._adopt(followed)
            elif task.outlives and followed.may_run:
                raise ConfigError(
                    f"task {task.name} of this study may still run on {task.executor}",
                    f"continue the study with --executor {task.executor}",
                )
            else:
                self._give_up(followed, is_over=followed.ended is not None)
        if executor is None:
            rows, tasks = self._merge.rows, [each.task for each in self._merge.followed.values()]
            rows[:] = [after(row, tasks) for row in rows]

    def _adopt(self, followed: Followed) -> None:
        if followed.task.handle is None:  # its head was killed, or the user submits it
            self._unsubmitted.append(followed.task)
        else:
            self._open[followed.task.handle] = followed

    def _earlier(self) -> list[Followed]:
        """The tasks that have not ended, and were not given up."""
        return [each for each in self._merge.followed.values() if not each.task.is_given_up and not each.is_done]

    def run(self, handout: Handout, report: OnRow) -> None:
        """Hand out the cycles that have runs without a result, and merge their rows until all have ended.

        Args:
            handout: how the cycles are handed out.
            report: called with each run that ended, its result, and how far the study is.

        Raises:
            ConfigError: device groups are unlike.
            LLEMError: a worker stopped, a cycle was lost too often, or a row could not be recorded.
            KeyboardInterrupt: the tasks were cancelled and their rows merged; detached ones go on.
        """
        self._report, self._outlook = report, Outlook(self._merge.rows)
        taken = {task.cycle for task in (*self._unsubmitted, *(followed.task for followed in self._open.values()))}
        left = dict.fromkeys(row.cycle for row in self._merge.rows if row.state != "completed")
        tasks = [self._next_task(handout, cycle) for cycle in left if cycle not in taken]
        try:
            self._submit(handout, [*self._unsubmitted, *tasks])
            if not handout.detach and handout.emit is None:
                self._follow(handout)
        except BaseException:
            with uninterrupted():
                self._cancel(handout.executor)
            raise

    def _submit(self, handout: Handout, tasks: Sequence[CycleTask]) -> None:
        paths = [write_task(self._folder, task) for task in tasks]
        if handout.emit is not None:
            handout.emit(paths)
            return
        for task, handle in zip(tasks, handout.executor.submit(paths), strict=True):
            submitted = task.model_copy(update={"handle": handle})
            write_task(self._folder, submitted)
            self._open[handle] = self._merge.follow(submitted)

    def _next_task(self, handout: Handout, cycle: int) -> CycleTask:
        earlier = [each.task for each in self._merge.followed.values() if each.task.cycle == cycle]
        return handout.task(cycle, self._merge.of_cycle(cycle), earlier, self._since, self._allow_other)

    def _follow(self, handout: Handout) -> None:
        """Return when every task has ended."""
        while self._open:
            statuses = handout.executor.poll(list(self._open))
            self._merge.take()  # after the status, so that the journal of a task that has ended is complete
            self._open = {handle: each for handle, each in self._open.items() if not each.is_done}
            for handle, status in statuses.items():
                if status in ("ended", "lost") and handle in self._open:
                    self._close(handout, self._open.pop(handle), is_over=status == "ended")
            if self._open:
                self._clock.sleep(POLL_S)

    def _close(self, handout: Handout, followed: Followed, is_over: bool) -> None:
        """A task has ended. One that did not finish its cycle is submitted again."""
        self._merge.recover(followed)
        remove_reserve(self._folder, followed.task.writer)
        if followed.is_done:
            return
        self._give_up(followed, is_over)
        host = "its worker" if followed.began is None else f"its worker on {followed.began.host}"
        if followed.ended is not None and followed.ended.failure is not None:
            raise LLEMError(f"cycle {followed.task.cycle}: {host} stopped: {followed.ended.failure.message}")
        self._lost(followed, host)
        self._submit(handout, [self._next_task(handout, followed.task.cycle)])

    def _lost(self, followed: Followed, host: str) -> None:
        """Count a lost cycle.

        Raises:
            LLEMError: it was lost too often.
        """
        cycle, log = followed.task.cycle, log_file(task_file(self._folder, followed.task.name))
        times = self._times_lost[cycle] = self._times_lost.get(cycle, 0) + 1
        if times > MOST_AGAIN:
            last = "\n".join(last_lines(log)) or "it wrote nothing"
            raise LLEMError(f"cycle {cycle} was lost {times} times; the last lines of {log}:\n{last}")
        self._progress.note(f"cycle {cycle} was lost: {host} ended; it starts again ({times} of {MOST_AGAIN})")

    def _give_up(self, followed: Followed, is_over: bool) -> None:
        """What a worker writes from now on is not merged."""
        self._merge.interrupt(followed)
        update = {"is_given_up": True, "is_over": is_over, "merged": followed.lines}
        followed.task = followed.task.model_copy(update=update)
        write_task(self._folder, followed.task)

    def _cancel(self, executor: Executor) -> None:
        """End the tasks that are not detached, and merge what they recorded."""
        handles = [handle for handle, followed in self._open.items() if not followed.task.detached]
        executor.cancel(handles)
        end_s, statuses = self._clock.now() + CANCEL_S, executor.poll(handles)
        while {"waiting", "running"} & set(statuses.values()) and self._clock.now() < end_s:
            self._clock.sleep(POLL_S)
            statuses = executor.poll(handles)
        self._merge.take()
        for handle in handles:
            followed = self._open[handle]
            self._merge.recover(followed)
            remove_reserve(self._folder, followed.task.writer)
            if not (followed.is_done or followed.task.is_given_up):
                self._give_up(followed, is_over=statuses[handle] == "ended")

    def _began(self, task: CycleTask, began: Began) -> None:
        """A worker has begun: its environment and temperatures are kept for the later ones."""
        known = self.manifest.environments
        if began.environment not in known:
            self._check_alike(task, began)
            known = (*known, began.environment)
        temperatures_c = {**began.temperatures_c, **self.manifest.temperatures_c}
        manifest = self.manifest.model_copy(update={"environments": known, "temperatures_c": temperatures_c})
        if manifest != self.manifest:
            self.manifest = manifest
            write_manifest(manifest, self._folder)
        self._progress.step(f"cycle {task.cycle} on {began.host}{', ' if began.gpus else ''}{', '.join(began.gpus)}")

    def _check_alike(self, task: CycleTask, began: Began) -> None:
        try:
            check_alike(self._alike, began.environment, began.host)
        except ConfigError:
            self._give_up(self._merge.followed[task.name], is_over=False)
            raise
        self._alike.append(began.environment)

    def _ended(self, row: RunRow, result: ExperimentResult | None) -> None:
        """A run has ended."""
        progressed = self._outlook.ended(row)
        if progressed.left_s is not None:
            running = sum(each.began is not None and each.ended is None for each in self._open.values())
            progressed = replace(progressed, left_s=progressed.left_s / max(1, running))
        self._report(row, result, progressed)

    def _made_again(self, row: RunRow) -> None:
        """A completed run is made again, on other GPUs."""
        self._outlook.again(row)
