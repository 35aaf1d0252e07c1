"""Runs a server, and ends it with everything that it has started: at SIGTERM, and when the process that measures has ended.

It runs as a program of its own, with the standard library alone: `python guard.py PID COMMAND...`, started by the process PID
as the leader of a group. So the server ends also when PID is killed, and Ctrl-C in a terminal does not reach it.

Its output is that of the server. When it is a file, the guard frees the space of all but its start and its end, so that a server
that writes a lot does not fill the disk. The server does not notice this: nothing is moved, and the file keeps its length. On a
file system without holes in files, nothing is freed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

# How often it looks whether PID runs; the end of the server wakes it up at once.
PERIOD_S = 0.25
# Between SIGTERM and SIGKILL. vLLM frees its GPUs within a few seconds.
GRACE_S = 10.0
# After the end of the process that measures: nothing waits for the server, and a next one may start. Also after the end of the
# server itself: a process that it has left behind would answer, and would be measured, until it is killed.
GRACE_ALONE_S = 2.0
# Of its output: the size of the start and of the end that are always kept, and how much is written before space is freed again.
KEPT_BYTES, SLACK_BYTES = 2**20, 2**23
NOT_STARTED = 127  # as a shell
_ENDED_BY = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_HEARD = (*_ENDED_BY, signal.SIGCHLD)
# linux/prctl.h: processes whose parent has ended become children of this one, and not of init.
_PR_SET_CHILD_SUBREAPER = 36
# linux/falloc.h: FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE.
_PUNCH_HOLE = 1 | 2


def run(pid: int, command: Sequence[str]) -> int:
    """Run a command until it ends, a signal arrives, or the process PID has ended; returns its exit code as a shell does."""
    with suppress(OSError, AttributeError):  # outside Linux
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    try:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_hear_again)  # noqa: PLW1509 - there is one thread
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started ({error.strerror})\n")
        return NOT_STARTED
    output = Output(sys.stdout.fileno())
    while server.poll() is None and os.getppid() == pid:
        output.shorten()
        received = signal.sigtimedwait(_HEARD, PERIOD_S)
        # If the wait is interrupted near its end, such as by SIGCONT, Python returns a signal that was never sent.
        if received is not None and received.si_signo in _ENDED_BY:
            break
    _end(server, GRACE_S if server.poll() is None and os.getppid() == pid else GRACE_ALONE_S)
    code: int = server.wait()
    return 128 - code if code < 0 else code


class Output:
    """A file that grows.

    Args:
        file: its descriptor.
    """

    def __init__(self, file: int) -> None:
        self._file, self._freed_to = file, KEPT_BYTES

    def shorten(self) -> None:
        """Free the space between its begin and its end, if this is much."""
        end = os.fstat(self._file).st_size - KEPT_BYTES
        if end - self._freed_to < SLACK_BYTES:
            return
        with suppress(OSError, AttributeError):  # outside Linux
            punch = ctypes.CDLL(None).fallocate
            punch.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
            punch(self._file, _PUNCH_HOLE, self._freed_to, end - self._freed_to)
        self._freed_to = end


def _hear_again() -> None:
    """The server does not inherit that signals are blocked."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)


def _end(server: subprocess.Popen[bytes], grace_s: float) -> None:
    """End the group: SIGTERM, a grace period, and SIGKILL for all that is left, also outside the group."""
    with suppress(ProcessLookupError):
        os.killpg(0, signal.SIGTERM)  # it is blocked here
    for child in _children(server):
        with suppress(ProcessLookupError):
            if os.getpgid(child) != os.getpgrp():  # such as a server that has gone into the background
                os.kill(child, signal.SIGTERM)
    end_s = time.monotonic() + grace_s
    while _children(server) and time.monotonic() < end_s:
        signal.sigtimedwait([signal.SIGCHLD], 0.05)
    while left := _children(server):
        for child in left:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        time.sleep(0.01)


def _children(server: subprocess.Popen[bytes]) -> list[int]:
    """The children that run, with those that the end of their parents has made ours. Those that have ended are collected."""
    running = [server.pid] if server.poll() is None else []
    for child in _listed():
        if child != server.pid:
            with suppress(ChildProcessError):
                running += [child] if os.waitpid(child, os.WNOHANG) == (0, 0) else []
    return running


def _listed() -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()]
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), sys.argv[2:]))
