"""How the cycles of a study are handed out, and the task that each becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.study.runs import RunId, RunRow
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.protocols import Clock
from llenergymeasure.study.executors.executor import Executor
from llenergymeasure.study.executors.task import CycleTask
from llenergymeasure.study.files.journal import Journal

POLL_S = 0.25
# How long the workers of a head that was killed are awaited; each watches its head once a second.
LEAVE_S = 30.0


@dataclass(frozen=True)
class Handout:
    """How the cycles of a study are handed out.

    Attributes:
        executor: starts the workers.
        user_config: the settings of the user, for the workers.
        is_checked: whether the experiments were checked on the machine of the workers.
        detach: whether to return when the cycles are submitted; their executor must outlive this process.
        emit: takes the task files instead of the executor, so that the user submits them; None = they are submitted.
    """

    executor: Executor
    user_config: UserConfig
    is_checked: bool = False
    detach: bool = False
    emit: Callable[[Sequence[Path]], object] | None = None

    def task(
        self, cycle: int, rows: Sequence[RunRow], earlier: Sequence[CycleTask], since: str, allow_other: bool
    ) -> CycleTask:
        """The next task of a cycle.

        Args:
            cycle: number of the cycle.
            rows: its rows.
            earlier: its earlier tasks.
            since: UTC time at which this process began.
            allow_other: whether device groups may differ from those of earlier runs.
        """
        return CycleTask(
            cycle=cycle,
            number=1 + max((task.number for task in earlier), default=0),
            rows=tuple(after(row, earlier) for row in rows),
            gpus=tuple(dict.fromkeys(gpu for row in rows if row.state == "completed" for gpu in row.gpus)),
            since=since,
            user_config=self.user_config,
            directory=str(Path.cwd()),
            is_checked=self.is_checked,
            allow_other=allow_other,
            executor=self.executor.name,
            outlives=self.executor.outlives,
            detached=self.detach or self.emit is not None,
        )


def after(row: RunRow, earlier: Iterable[CycleTask]) -> RunRow:
    """A row whose next attempt is none that the worker of an earlier task may still make."""
    if row.state == "completed":
        return row
    going_on = [task for task in earlier if not task.is_over]
    made = (each.attempt + 1 for task in going_on for each in task.rows if each.place == row.place)
    # An engine that starts a task again, on another machine, makes a run of the first start once more.
    again = any(task.outlives and task.name == row.task for task in going_on)
    attempt = max((row.attempt + again, *made))
    run_id = RunId(cell=row.cell, cycle=row.cycle, role=row.role, attempt=max(attempt, 1))
    return row.model_copy(update={"attempt": attempt, "run_id": str(run_id)})


def wait_until_free(journal: Path, clock: Clock) -> None:
    """Wait until the worker of a head that was killed has ended.

    Raises:
        ConfigError: it has not ended in time.
    """
    end_s = clock.now() + LEAVE_S
    while journal.exists():
        try:
            Journal(journal).close()
        except ConfigError:
            if clock.now() >= end_s:
                raise
            clock.sleep(POLL_S)
        else:
            return
