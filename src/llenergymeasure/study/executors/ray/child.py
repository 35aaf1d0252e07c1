"""What runs on a node of a Ray cluster: a program, as a child of the process that Ray started there.

Ray sends this module by value, and it needs the standard library alone. A node that lacks this package can therefore report it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

VISIBLE = "CUDA_VISIBLE_DEVICES"
# The exit code of a program that was stopped before it began.
NOT_BEGUN = 128 + signal.SIGTERM


@dataclass(frozen=True)
class Program:
    """A Python program, as the head wants it to run.

    Attributes:
        arguments: what follows the interpreter.
        folder: its working folder.
        environ: its environment. The visible GPUs are those that Ray gives.
        log: file for its output; None = it is returned.
        interpreter: its interpreter; None = that of the process that Ray starts.
    """

    arguments: Sequence[str]
    folder: str
    environ: Mapping[str, str]
    log: str | None = None
    interpreter: str | None = None


@dataclass(frozen=True)
class Answer:
    """How a short program ended.

    Attributes:
        code: its exit code.
        output: what it wrote on stdout.
        errors: what it wrote on stderr.
    """

    code: int
    output: str
    errors: str


def started(program: Program, more: Sequence[str], output: int, errors: int) -> subprocess.Popen[bytes]:
    """Start a program with more arguments, as the leader of a process group, on the GPUs of this process.

    Ray starts its processes with SIGINT blocked, and a child would inherit that.
    """
    environ = {name: value for name, value in program.environ.items() if name != VISIBLE}
    environ |= {name: value for name, value in os.environ.items() if name == VISIBLE}
    command = [program.interpreter or sys.executable, *program.arguments, *more]
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        return subprocess.Popen(
            command, cwd=program.folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            start_new_session=True,
        )  # fmt: skip
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def answer_of(program: Program, limit_s: float) -> Answer:
    """Run a short program and return what it wrote.

    Raises:
        OSError: the working folder is not there, or the program cannot be started.
        subprocess.TimeoutExpired: it did not end within the limit.
    """
    child = started(program, (), subprocess.PIPE, subprocess.PIPE)
    try:
        output, errors = child.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise
    return Answer(child.returncode, output.decode("utf-8", "replace"), errors.decode("utf-8", "replace"))


class OnNode:
    """Runs one program until it ends or is stopped. Ray makes it an actor with two threads: one runs, the other stops."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped, self._lock = False, threading.Lock()

    def is_there(self) -> bool:
        """Whether this process was started; it answers with true."""
        return True

    def run(self, program: Program) -> int:
        """Run a program; its last argument is the id of this process, which it watches.

        Returns:
            Its exit code, which is minus the signal for a killed one.

        Raises:
            OSError: the working folder or the folder of the log is not there.
        """
        with self._lock:
            if self._stopped:
                return NOT_BEGUN
            with open(program.log or os.devnull, "ab") as log:  # noqa: PTH123 - standard library alone, and no pathlib needed
                self._child = started(program, [str(os.getpid())], log.fileno(), log.fileno())
        return self._child.wait()

    def stop(self, grace_s: float) -> None:
        """End the program: SIGTERM, and SIGKILL to its group after a grace period. It does not begin any more."""
        with self._lock:
            self._stopped, child = True, self._child
        if child is None:
            return
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)
        end_s = time.monotonic() + grace_s
        while child.poll() is None and time.monotonic() < end_s:
            time.sleep(0.05)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
