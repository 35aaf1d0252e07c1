"""What the executor `local` adds to a cycle, and what the start of a worker costs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pairs import Row, alternate, as_users_have_it, difference_row
from llenergymeasure.study.executors.executor import Executor
from llenergymeasure.study.executors.head import POLL_S
from llenergymeasure.study.executors.local import Group, LocalExecutor
from llenergymeasure.testing import ExecutorBench
from llenergymeasure.testing.executor_contract import has_begun

# Ignores its arguments and ends: what remains is the executor.
PROGRAM = "/bin/true"
STARTS = 5
LOOK_S = 0.01


def rows() -> Iterator[Row]:
    """The row of the executor alone, and that of a worker."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield executor_row(folder)
        yield start_row(folder)


def executor_row(folder: Path) -> Row:
    """A cycle whose worker does nothing, as the head sees it, over that program alone."""
    executor = an_executor(PROGRAM)
    (task,) = ExecutorBench(executor, folder).tasks(1)
    found = alternate(lambda: cycle_s(executor, task), bare_s)
    executor.close()
    name = "local: a cycle with a worker that does nothing, over the bare program"
    return difference_row(name, found, "s", "<= 0.3", lambda x: x <= 0.3)


def start_row(folder: Path) -> Row:
    """From the task until its worker has begun: Python, the run table, the GPUs and the versions of all packages."""
    found = sorted(worker_s(folder) for _ in range(STARTS))
    name = "local: from a task until its worker has begun, without the backend's libraries"
    return Row(name, statistics.median(found), found[0], found[-1], "s", "-", True)


def an_executor(interpreter: str) -> LocalExecutor:
    """The executor with one device group."""
    return LocalExecutor((Group(),), as_users_have_it(os.environ), interpreter)


def cycle_s(executor: Executor, task: Path) -> float:
    """Seconds from a task to its end, as the head of a study sees it."""
    start_s = time.perf_counter()
    (handle,) = executor.submit([task])
    while executor.poll([handle])[handle] != "ended":
        time.sleep(POLL_S)
    return time.perf_counter() - start_s


def bare_s() -> float:
    """Seconds of the program alone."""
    start_s = time.perf_counter()
    subprocess.run([PROGRAM], check=True)
    return time.perf_counter() - start_s


def worker_s(folder: Path) -> float:
    """Seconds from a task until its worker has begun."""
    executor = an_executor(sys.executable)
    bench = ExecutorBench(executor, folder)
    (task,) = bench.tasks(1, long=True)
    start_s = time.perf_counter()
    executor.submit([task])
    try:
        while not has_begun(task):
            time.sleep(LOOK_S)
        return time.perf_counter() - start_s
    finally:
        executor.close()
