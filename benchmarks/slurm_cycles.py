"""What the executor for Slurm costs per cycle, beyond the cycles themselves and beyond what Slurm needs to start and end a job.

A cluster of one node runs on this machine; it is that of the tests. Each pair runs the same study with the executors slurm and
local, one cycle at a time, and an array of as many empty jobs.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import simulated  # noqa: F401 - finds the tests' modules
from benchmarks.pairs import Line, Row, as_users_have_it
from slurm.cluster import Cluster, running, why_not
from small_study import small_study

CYCLES, PAIRS = 3, 3
MOST_S = 2.0
NAME = "executor slurm: a cycle beyond local and an empty job"


def rows() -> Iterator[Row | Line]:
    """The cost per cycle in seconds; where there is no Slurm, the reason."""
    reason = why_not()
    if reason is not None:
        yield Line(f"{NAME}: not measured, it {reason}")
        return
    with tempfile.TemporaryDirectory(prefix="slurm-") as name, running(Path(name) / "cluster") as cluster:
        (Path(name) / "work").mkdir()
        costs = [_cost_s(Path(name) / "work", cluster) for _ in range(PAIRS)]
    middle = statistics.median(costs)
    yield Row(NAME, middle, min(costs), max(costs), "s", f"<= {MOST_S:g}", middle <= MOST_S)


def _cost_s(place: Path, cluster: Cluster) -> float:
    (place / "study.yaml").write_text(small_study("none"), encoding="utf-8")
    environ = {**as_users_have_it(cluster.environ), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    llem = [
        sys.executable,
        "-m",
        "llenergymeasure",
        "run",
        "study.yaml",
        "--cycles",
        str(CYCLES),
        "--quiet",
        "--parallel",
        "1",
    ]
    local_s = _timed_s([*llem, "--executor", "local"], place, environ)
    empty_s = _timed_s(
        ["sbatch", "--wait", f"--array=1-{CYCLES}%1", "--output=/dev/null", "--wrap=true"], place, environ
    )
    slurm_s = _timed_s([*llem, "--executor", "slurm"], place, environ)
    return (slurm_s - local_s - empty_s) / CYCLES


def _timed_s(command: Sequence[str], place: Path, environ: Mapping[str, str]) -> float:
    start_s = time.perf_counter()
    subprocess.run(command, cwd=place, env=dict(environ), check=True, capture_output=True)
    return time.perf_counter() - start_s
