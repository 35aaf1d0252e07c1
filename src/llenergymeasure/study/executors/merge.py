"""Takes the rows of workers' journals into the table of the study. Only the head does this, and it alone writes journal.jsonl.

```
 journal of a worker:  began . row, row, ... . ended        began (again, elsewhere) . row ...
                         |       |
                     block    row with block, task, neighbours, clock offset -> table, journal.jsonl
```
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from llenergymeasure.domain.files.study import result_path
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.study.executors.records import Began, Ended, Record, read_records
from llenergymeasure.study.executors.task import CycleTask, journal_file, task_file
from llenergymeasure.study.plan import block_name, unused_block
from llenergymeasure.study.rows import completed_row

# Of the states that a run has in one attempt, the later ones.
_FINAL = ("completed", "failed", "skipped", "interrupted")


@dataclass
class Followed:
    """A task whose journal is followed.

    Attributes:
        task: the task.
        lines: number of lines of its journal that were merged.
        size: size of its journal in bytes when they were merged.
        began: the last start of its worker; None before the first.
        ended: how its worker ended; None while it runs, or after it was killed.
        last: state and time of what it wrote last; None before its first row.
        block: name of the block of its runs.
    """

    task: CycleTask
    lines: int = 0
    size: int = 0
    began: Began | None = None
    ended: Ended | None = None
    last: RunRow | None = None
    block: str = ""

    @property
    def is_done(self) -> bool:
        """Whether its worker has finished the cycle."""
        return self.ended is not None and self.ended.failure is None and not self.ended.is_interrupted

    @property
    def may_run(self) -> bool:
        """Whether it was submitted, or was begun by a user who submitted it, and is not known to have ended."""
        return self.task.handle is not None or (self.began is not None and self.ended is None)

    @property
    def until(self) -> datetime | None:
        """The time after which its worker used its machine no more, as far as it is known; None while it may run."""
        if self.ended is not None:
            return datetime.fromisoformat(self.ended.at)
        if not self.task.is_given_up or self.began is None:
            return None
        last = None if self.last is None else _end_of(self.last)
        return last or datetime.fromisoformat(self.began.at)


def made_on(row: RunRow, host: str, gpus: Collection[str]) -> bool:
    """Whether a run was completed on these GPUs; one without a GPU, on this machine."""
    if row.state != "completed":
        return False
    return set(row.gpus) <= set(gpus) if row.gpus else row.host == host


def block_of(cycle: int, rows: Sequence[RunRow], host: str, gpus: Collection[str]) -> str:
    """The block of the runs that a worker makes of a cycle.

    Runs that it completes on the GPUs of earlier ones are in the same block. On other GPUs the cycle starts again, in a new block.

    Args:
        cycle: number of the cycle.
        rows: the rows of the cycle when the worker starts.
        host: name of its machine.
        gpus: its GPUs.
    """
    completed = [row for row in rows if row.state == "completed"]
    kept = next((row.block for row in completed if made_on(row, host, gpus)), None)
    first = block_name(cycle, 0)
    if kept is not None or not completed:
        return kept or first
    return unused_block(first, {first, *(row.block for row in completed)})


class Merge:
    """Merges the journals of workers.

    Args:
        folder: the folder of the study.
        rows: the table of the study; it is changed.
        record: writes a row into the journal of the study.
        on_began: called when a worker has begun, before its rows are merged.
        on_row: called with each run that ended, and its result.
        on_again: called with each completed run that is made again.
    """

    def __init__(
        self,
        folder: Path,
        rows: list[RunRow],
        record: Callable[[RunRow], None],
        on_began: Callable[[CycleTask, Began], None],
        on_row: Callable[[RunRow, ExperimentResult | None], None] = lambda row, result: None,
        on_again: Callable[[RunRow], None] = lambda row: None,
    ) -> None:
        self._folder, self.rows, self._record = folder, rows, record
        self._on_began, self._on_row, self._on_again = on_began, on_row, on_again
        self._places = {row.place: index for index, row in enumerate(rows)}
        self.followed: dict[str, Followed] = {}

    def follow(self, task: CycleTask) -> Followed:
        """Begin to follow a task, or go on with a newer state of it."""
        found = self.followed.setdefault(task.name, Followed(task))
        found.task = task
        return found

    def of_cycle(self, cycle: int) -> list[RunRow]:
        """The rows of a cycle."""
        return [row for row in self.rows if row.cycle == cycle]

    def take(self) -> None:
        """Merge what is new in all journals. All are read before the first is merged, so that neighbours are known.

        Raises:
            LLEMError: a journal is damaged (ConfigError), or a row could not be recorded.
        """
        fresh = [(each, *self._fresh(each)) for each in self.followed.values()]
        for followed, _, records in fresh:
            self._note(followed, records)
        for followed, size, records in fresh:
            for record in records:
                self._merge(followed, record)
                followed.lines += 1
            followed.size = size

    def _fresh(self, followed: Followed) -> tuple[int, list[Record]]:
        """The size of a journal, and its records that were not merged. One that has not grown is not read again."""
        task = followed.task
        journal = journal_file(task_file(self._folder, task.name))
        size = _size_of(journal)
        if size == followed.size:
            return size, []
        records = read_records(journal, followed.lines)
        return size, records[: max(0, task.merged - followed.lines)] if task.is_given_up else records

    def _note(self, followed: Followed, records: Sequence[Record]) -> None:
        """Note where a task is and what it wrote last, before its rows are merged."""
        for record in records:
            if isinstance(record, Began):
                followed.began, followed.ended = followed.began or record, None
            elif isinstance(record, RunRow):
                followed.last = record
            else:
                followed.ended = record

    def _merge(self, followed: Followed, record: Record) -> None:
        if isinstance(record, Began):
            self._begin(followed, record)
        elif isinstance(record, RunRow) and _is_news(record, self.rows[self._places[record.place]]):
            self._take_row(followed, record)

    def _begin(self, followed: Followed, began: Began) -> None:
        self._on_began(followed.task, began)
        rows = self.of_cycle(followed.task.cycle)
        followed.began, followed.block = began, block_of(followed.task.cycle, rows, began.host, began.gpus)
        for row in rows:
            if row.state == "completed" and not made_on(row, began.host, began.gpus):
                self._on_again(row)

    def _take_row(self, followed: Followed, row: RunRow) -> None:
        assert followed.began is not None
        known = row.model_copy(
            update={
                "block": followed.block,
                "task": followed.task.name,
                "neighbours": self._neighbours(followed, row),
                "clock_offset_s": followed.began.clock_offset_s,
            }
        )
        self.rows[self._places[row.place]] = known
        self._record(known)
        if known.state in ("completed", "failed", "skipped"):
            self._on_row(known, self._result(known))

    def _neighbours(self, followed: Followed, row: RunRow) -> int:
        """The most other tasks that were on the machine of a run at the same time while it was made."""
        to = _end_of(row)
        if row.started_at is None or to is None:
            return 0
        from_ = datetime.fromisoformat(row.started_at)
        others = [
            (datetime.fromisoformat(each.began.at), each.until)
            for each in self.followed.values()
            if each is not followed and each.began is not None and each.began.host == row.host
        ]
        moments = [max(began, from_) for began, _ in others if began < to]
        return max((sum(_is_there(other, moment) for other in others) for moment in moments), default=0)

    def _result(self, row: RunRow) -> ExperimentResult | None:
        return None if row.result is None else ExperimentResult.from_json(self._folder / row.result)

    def recover(self, followed: Followed) -> None:
        """Complete a run whose worker was killed after it stored the result, and before it recorded it.

        Raises:
            LLEMError: the result is damaged (ConfigError), or the row could not be recorded.
        """
        for row in self._running(followed):
            path = result_path(row.run_id)
            if (self._folder / path).exists():
                result = ExperimentResult.from_json(self._folder / path)
                self._take_row(followed, completed_row(row, result, path, None))

    def interrupt(self, followed: Followed) -> None:
        """A task has ended, or is given up: its run in progress has no result.

        Raises:
            LLEMError: the row could not be recorded.
        """
        for row in self._running(followed):
            self._take_row(followed, row.model_copy(update={"state": "interrupted"}))

    def _running(self, followed: Followed) -> list[RunRow]:
        """The runs of a task that are recorded as in progress."""
        rows = self.of_cycle(followed.task.cycle) if followed.began is not None else []
        return [row for row in rows if row.task == followed.task.name and row.state == "running"]


def _size_of(journal: Path) -> int:
    """The size of a file; 0 where there is none. It is opened: `stat` may give the size that a network disk had a minute ago."""
    if not journal.exists():
        return 0
    with journal.open("rb") as file:
        return os.fstat(file.fileno()).st_size


def _is_news(row: RunRow, known: RunRow) -> bool:
    """Whether a row has a later attempt than the known one, or a later state of the same attempt."""
    if row.attempt != known.attempt or known.state == "pending":
        return row.attempt >= known.attempt
    return known.state not in _FINAL and row.state in _FINAL


def _is_there(task: tuple[datetime, datetime | None], moment: datetime) -> bool:
    began, until = task
    return began <= moment and (until is None or until > moment)


def _end_of(row: RunRow) -> datetime | None:
    """When a run ended, or began where it did not end; None for one that was not tried."""
    if row.started_at is None:
        return None
    return datetime.fromisoformat(row.started_at) + timedelta(seconds=row.took_s or 0.0)


def late_runs(folder: Path, tasks: Sequence[CycleTask], rows: Sequence[RunRow]) -> Iterator[str]:
    """The runs that were completed by tasks that had been given up. They are on the disk, and not in the rows of the study."""
    taken = {row.run_id for row in rows if row.state == "completed"}
    for task in tasks:
        if task.is_given_up:
            records = read_records(journal_file(task_file(folder, task.name)), task.merged)
            runs = (row for row in records if isinstance(row, RunRow) and row.state == "completed")
            yield from (row.run_id for row in runs if row.run_id not in taken)
