"""A task: one cycle of a study on one device group, as a file that head and worker share.

```
 tasks/c2.1.json     cycle 2, submitted for the first time: written by the head
 tasks/c2.1.jsonl    what the worker did: written by the worker only
 tasks/c2.1.log      output of the worker
```
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from llenergymeasure._files import ensure_directory, write_atomic
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.base import Frozen, json_of
from llenergymeasure.domain.files.study import TASKS_FOLDER, read_frozen, task_names
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.exceptions import ConfigError

GONE = "start the study again, or restore the file from a copy"


class CycleTask(Frozen):
    """A cycle that a worker is to measure.

    Attributes:
        cycle: number of the cycle, from 1.
        number: how often the cycle was submitted, with this time.
        rows: the rows of the cycle as known when it was submitted. A run continues with the attempt after that of its row.
        gpus: names with UUIDs of the GPUs on which runs of this cycle were completed; a worker on other GPUs makes them again.
        since: UTC time in ISO format at which `llem run` began; failures before it do not count: their runs are tried again.
        user_config: the settings of the user.
        directory: working directory, for relative paths of models and prompts.
        is_checked: whether the experiments were checked on the machine of the worker.
        allow_other: whether the device groups may differ from those of earlier runs.
        executor: name of the executor.
        handle: the executor's handle; None before it was submitted.
        outlives: whether the task may go on when the process that submitted it has ended.
        detached: whether that process was to leave it alone.
        is_given_up: whether the task was lost, cancelled or replaced. What its worker writes from then on is late.
        is_over: whether its worker surely writes nothing more; an attempt that it may still make is left to it.
        merged: number of lines of the worker's journal that were merged before the task was given up.
    """

    cycle: int = Field(ge=1)
    number: int = Field(ge=1)
    rows: tuple[RunRow, ...]
    gpus: tuple[str, ...] = ()
    since: str
    user_config: UserConfig
    directory: str
    is_checked: bool = False
    allow_other: bool = False
    executor: str
    handle: str | None = None
    outlives: bool = False
    detached: bool = False
    is_given_up: bool = False
    is_over: bool = False
    merged: int = 0

    @property
    def name(self) -> str:
        """Name of the task: `c2.1`."""
        return f"c{self.cycle}.{self.number}"

    @property
    def writer(self) -> str:
        """Name of its worker among the processes that write into the folder of the study."""
        return f".{self.name}"


def task_file(folder: Path, name: str) -> Path:
    """The file of a task in the folder of its study."""
    return folder / TASKS_FOLDER / f"{name}.json"


def journal_file(task: Path) -> Path:
    """The journal of the worker of a task."""
    return task.with_suffix(".jsonl")


def log_file(task: Path) -> Path:
    """The output of the worker of a task."""
    return task.with_suffix(".log")


def study_folder(task: Path) -> Path:
    """The folder of the study to which a task belongs."""
    return task.parent.parent


def write_task(folder: Path, task: CycleTask) -> Path:
    """Write a task; replaces an earlier state of it. Returns its file.

    Raises:
        LLEMError: the folder cannot be written (ConfigError) or the disk is full.
    """
    path = task_file(folder, task.name)
    ensure_directory(path.parent)
    write_atomic(path, json_of(task))
    return path


def read_task(path: Path) -> CycleTask:
    """Read a task.

    Raises:
        ConfigError: it is missing or damaged.
    """
    return read_frozen(path, CycleTask, fix=GONE)


def tasks_of(folder: Path) -> Iterator[CycleTask]:
    """Every task of a study, by cycle and number.

    Raises:
        ConfigError: a file of a task is damaged.
    """
    for name in task_names(folder):
        task = read_task(task_file(folder, name))
        if task.name != name:
            raise ConfigError(f"{task_file(folder, name)} is of the task {task.name}", GONE)
        yield task
