"""A fork server without torch: `python trivial_runs.py SOCKET OWNER`. Each run calls the function that its request names."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path


def run(folder: Path) -> int:
    """Do what the file `what` in the folder says, and return an exit code."""
    what, *arguments = (folder / "what").read_text().split()
    return int(globals()[what](folder, *arguments) or 0)


def tell(folder: Path) -> None:
    """Ids of this process, and its open files."""
    files = [path for path in Path("/proc/self/fd").iterdir() if path.exists()]
    print(os.getpid(), os.getpgrp(), os.getppid(), len(files), flush=True)


def tell_memory_score(folder: Path) -> None:
    print(Path("/proc/self/oom_score_adj").read_text())


def end_with(folder: Path, code: str) -> int:
    print("last words")
    return int(code)


def kill_itself(folder: Path) -> None:
    print("about to die")
    os.kill(os.getpid(), signal.SIGKILL)


def crash(folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def ignore_signals(folder: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    print("up", flush=True)
    time.sleep(60)


def leave_a_process(folder: Path) -> None:
    """Start a process in its own session, and do not wait for its end."""
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    left.returncode = 0  # not waited for on purpose
    print(left.pid, flush=True)


def guard_a_process(folder: Path) -> None:
    """Start a process in its own session that starts another one, and wait."""
    guard = (
        "import subprocess, sys, time; "
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True); time.sleep(60)"
    )
    subprocess.Popen([sys.executable, "-c", guard], start_new_session=True)
    time.sleep(60)


def nothing() -> None:
    """Import nothing."""


if __name__ == "__main__":
    from llenergymeasure.launch.fork.server import main

    sys.exit(main(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), nothing, run))
