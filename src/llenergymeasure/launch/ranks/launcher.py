"""Several processes on this machine, started with torch's launcher."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from llenergymeasure.launch.failure import first_cause
from llenergymeasure.launch.heartbeats import SILENT_S
from llenergymeasure.launch.request import Reply


def launcher_command(folder: Path, count: int) -> list[str]:
    """The command that starts `count` children for one request."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts", "0"]
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


def what_happened(replies: Mapping[int, Reply], count: int, silent: tuple[int, ...], last_words: str) -> str:
    """Why the processes failed, in one sentence that names the rank at fault.

    Args:
        replies: the replies by rank.
        count: the number of processes.
        silent: ranks without a recent heartbeat.
        last_words: the last line of their output.
    """
    failures = {rank: reply.failure for rank, reply in replies.items() if reply.failure is not None}
    first = first_cause(failures)
    if first is not None:
        rank, failure = first
        return f"rank {rank} failed: {failure.message}"
    if silent:
        return f"rank {silent[0]} did not answer for {SILENT_S:g} s and was ended"
    dead = [rank for rank in range(count) if rank not in failures]
    if dead:
        return f"rank {dead[0]} exited without an error message (signal or out of memory); see: dmesg | tail"
    return f"the processes were ended: {last_words}"
