"""What starts the workers of a study: processes of this machine, or a cluster.

```
 head:    task files . submit . poll, read the workers' journals, merge their rows . cancel, or analyse
 worker:  python -m llenergymeasure.study.executors.worker TASKFILE
```

An executor moves no data: task, journal and results are files in the folder of the study, which head and workers share.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from llenergymeasure.exceptions import ConfigError
from llenergymeasure.progress import Logged, Progress

# waiting: not started. running: its worker may write. ended: its worker will write nothing more. lost: its machine or its worker
# died, and it may be that its worker still writes.
Status = Literal["waiting", "running", "ended", "lost"]


@runtime_checkable
class Executor(Protocol):
    """Starts a worker for each task, and reports what became of it.

    Attributes:
        name: its name in the registry.
        outlives: whether tasks go on when this process ends.
    """

    name: str
    outlives: bool

    def submit(self, tasks: Sequence[Path]) -> list[str]:
        """Start workers, at once or when there is a free device group.

        Where tasks outlive this process, one that an earlier process submitted, and that has not ended, is not submitted twice.

        Args:
            tasks: absolute paths of task files.

        Returns:
            A handle for each task: text that a later process understands where tasks outlive this one.

        Raises:
            LLEMError: the engine refused them.
        """

    def poll(self, handles: Sequence[str]) -> dict[str, Status]:
        """The status of each task. A task that is `ended` or `lost` stays so.

        Raises:
            LLEMError: the engine cannot be reached.
        """

    def cancel(self, handles: Sequence[str]) -> None:
        """End tasks: a running worker gets SIGTERM and records what it has. A task that has ended is left alone."""

    def close(self) -> None:
        """Release everything. Tasks that do not outlive this process have ended when this returns."""


@dataclass(frozen=True)
class ExecutorContext:
    """What an executor is made from.

    Attributes:
        parallel: how many cycles run at the same time; None = as the executor decides.
        gpus_per_run: number of GPUs of a device group; None = all GPUs that a worker finds, 0 = none.
        options: options of this executor, from the user config and the command line.
        environ: environment variables of this process.
        progress: receives notes for the user.
        interpreter: the Python interpreter of the workers.
        results: the folder of the study, or the directory in which it will be; None = not known.
    """

    parallel: int | None = None
    gpus_per_run: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    progress: Progress = field(default_factory=Logged)
    interpreter: str = sys.executable
    results: Path | None = None

    def refuse_unknown_options(self, known: Sequence[str]) -> None:
        """Check the names of the options.

        Raises:
            ConfigError: one is not known.
        """
        for name in self.options:
            if name not in known:
                has = f"this executor has: {', '.join(known)}" if known else "this executor has no options"
                raise ConfigError(f"'{name}' is not an option of this executor", has)


def worker_command(interpreter: str, task: Path, owner: int | None = None) -> list[str]:
    """The command that makes the runs of a task.

    Args:
        interpreter: the Python interpreter; llenergymeasure is installed there.
        task: the task file.
        owner: id of a process on the same machine; the worker ends when it has ended. None = the worker watches none.
    """
    watched = [] if owner is None else [str(owner)]
    return [interpreter, "-m", "llenergymeasure.study.executors.worker", str(task), *watched]
