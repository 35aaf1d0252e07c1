"""In .venv-ray: seconds of a cycle by the executor `ray`, over an actor of Ray alone that starts the same program. Prints JSON."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ray

from benchmarks.local_cycles import PROGRAM, cycle_s
from benchmarks.pairs import alternate
from llenergymeasure.study.executors.executor import ExecutorContext
from llenergymeasure.study.executors.ray.door import connected
from llenergymeasure.study.executors.ray.executor import RayExecutor
from llenergymeasure.study.executors.ray.nodes import Wanted
from llenergymeasure.study.executors.ray.options import RayOptions


def main(pairs: int) -> int:
    """Print the pairs and the version of Ray as one line."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = connected(RayOptions("local", num_cpus=1, num_gpus=1))
        context = ExecutorContext(interpreter=PROGRAM)
        executor = RayExecutor(cluster, Wanted(gpus=1, cpus=1), context, Path(folder))
        task = Path(folder) / "c1.1.json"
        try:
            found = alternate(lambda: cycle_s(executor, task), bare_s, pairs)
        finally:
            executor.close()
    print(json.dumps({"cycles": found, "version": ray.__version__}))
    return 0


def bare_s() -> float:
    """Seconds of an actor that starts the program."""
    start_s = time.perf_counter()
    actor: Any = ray.remote(Bare).options(num_gpus=1, num_cpus=1).remote()
    ray.get(actor.run.remote())
    ray.kill(actor)
    return time.perf_counter() - start_s


class Bare:
    """Starts the program and waits for it."""

    def run(self) -> int:
        return subprocess.run([PROGRAM], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
