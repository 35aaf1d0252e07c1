"""Several processes on this machine, started with torch's launcher."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def launcher_arguments(folder: Path, count: int) -> list[str]:
    """The arguments of Python that start `count` children for one request."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--max-restarts", "0"]
    launcher += ["--log-dir", str(folder / "torch")]
    return [*launcher, "--nproc-per-node", str(count), "-m", "llenergymeasure.launch.child", str(folder)]


def shared_cores(environ: Mapping[str, str], count: int, cores: int | None = None) -> dict[str, str]:
    """The environment for processes that share the cores; a value that the user has set is kept.

    Args:
        environ: the environment of this process.
        count: the number of processes.
        cores: the number of cores; None = those of this machine.
    """
    threads = max((cores or os.cpu_count() or count) // count, 1)
    return {"OMP_NUM_THREADS": str(threads), **environ}
