"""Several processes on this machine, started with torch's own launcher, and what became of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from llenergymeasure.launch.failure import first_cause
from llenergymeasure.launch.heartbeats import SILENT_S
from llenergymeasure.launch.request import Reply


def launcher_command(folder: Path, count: int) -> list[str]:
    """So many children for one request."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts", "0"]
    launcher += ["--log-dir", str(folder / "torch")]
    return [*launcher, "--nproc-per-node", str(count), "-m", "llenergymeasure.launch.child", str(folder)]


def shared_cores(environ: Mapping[str, str], count: int, cores: int | None = None) -> dict[str, str]:
    """The environment of processes that share the cores out among them, unless the user did that already.

    Args:
        environ: of this process.
        count: how many processes there will be.
        cores: of this machine; None = ask.
    """
    threads = max((cores or os.cpu_count() or count) // count, 1)
    return {"OMP_NUM_THREADS": str(threads), **environ}


def what_happened(replies: Mapping[int, Reply], count: int, silent: tuple[int, ...], last_words: str) -> str:
    """Why the processes gave up, in one sentence that names the one at fault.

    Args:
        replies: of those that answered, by rank.
        count: how many processes there are.
        silent: ranks that were not heard for too long.
        last_words: the end of what the processes wrote.
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
        return f"rank {dead[0]} died without a word (killed, or out of memory); see: dmesg | tail"
    return f"the processes were ended: {last_words}"
