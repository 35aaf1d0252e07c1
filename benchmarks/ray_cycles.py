"""What the executor `ray` adds to a cycle: from the task to its end, over an actor of Ray alone that starts the same program."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.pairs import Line, Row, alternate, difference_row
from llenergymeasure.study.executors.executor import Executor, ExecutorContext
from llenergymeasure.study.executors.head import POLL_S
from llenergymeasure.study.executors.ray.executor import RayExecutor
from llenergymeasure.study.executors.ray.nodes import Wanted
from llenergymeasure.study.executors.ray.options import RayOptions

NOT_RUN = 'ray_cycles: not run: pip install ".[ray]" first'
NAME = "ray: a cycle with a worker that does nothing, over a bare actor"
# Ignores its arguments and ends: what remains is the executor.
PROGRAM = "/bin/true"
PAIRS = 7


def rows() -> Iterator[Row | Line]:
    """The row; one line with the reason where Ray is not installed."""
    if find_spec("ray") is None:
        yield Line(NOT_RUN)
        return
    from llenergymeasure.study.executors.ray.door import connected

    with tempfile.TemporaryDirectory() as folder:
        context = ExecutorContext(interpreter=PROGRAM)
        cluster = connected(RayOptions("local", num_cpus=1, num_gpus=1))
        executor = RayExecutor(cluster, Wanted(gpus=1, cpus=1), context, Path(folder))
        task = Path(folder) / "c1.1.json"
        try:
            found = alternate(lambda: cycle_s(executor, task), bare_s, PAIRS)
        finally:
            executor.close()
    yield difference_row(NAME, found, "s", "<= 2", lambda x: x <= 2)


def cycle_s(executor: Executor, task: Path) -> float:
    """Seconds from a task to its end, as the head of a study sees it."""
    start_s = time.perf_counter()
    (handle,) = executor.submit([task])
    while executor.poll([handle])[handle] != "ended":
        time.sleep(POLL_S)
    return time.perf_counter() - start_s


def bare_s() -> float:
    """Seconds of an actor that starts the program."""
    import ray

    start_s = time.perf_counter()
    actor: Any = ray.remote(Bare).options(num_gpus=1, num_cpus=1).remote()
    ray.get(actor.run.remote())
    ray.kill(actor)
    return time.perf_counter() - start_s


class Bare:
    """Starts the program and waits for it."""

    def run(self) -> int:
        return subprocess.run([PROGRAM], check=False).returncode
