"""One child process and all that it starts: heard, interrupted and ended together.

The child leads a process group of its own, so that a terminal's Ctrl-C reaches only us and is passed on, and whatever it
started ends with it: SIGINT or SIGTERM, two seconds of grace, then SIGKILL for the whole group.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

GRACE_S = 2.0
POLL_S = 0.1
FORWARDED = (signal.SIGINT, signal.SIGTERM)


class Child:
    """A running child.

    Args:
        popen: the process; it leads its group.
        others: numbers of processes that belong to it but may have left its group.
        grace_s: time between a signal and the end of the group.
    """

    def __init__(self, popen: subprocess.Popen[bytes], others: Callable[[], Iterable[int]], grace_s: float) -> None:
        self._popen, self._others, self._grace_s = popen, others, grace_s

    @property
    def exit_code(self) -> int | None:
        """As the shell counts: 128 + the signal when it was killed by one; None while it runs."""
        code = self._popen.poll()
        return None if code is None else 128 - code if code < 0 else code

    def wait(self, until: Callable[[], bool] = lambda: False, at_most_s: float | None = None) -> None:
        """Return when the child has ended, when `until` says so, or when the time is over.

        Raises:
            KeyboardInterrupt: SIGINT or SIGTERM came, and was passed on.
        """
        end_s = math.inf if at_most_s is None else time.monotonic() + at_most_s
        with _forwarding(self._popen) as received:
            while not received and self.exit_code is None and not until() and time.monotonic() < end_s:
                self._nap(POLL_S)
        if received:
            raise KeyboardInterrupt

    def _nap(self, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout=seconds)

    def end(self) -> None:
        """End what is left: SIGTERM to the group, some grace for the child, then SIGKILL to the group and the others.

        Raises:
            KeyboardInterrupt: SIGINT or SIGTERM came meanwhile.
        """
        with _forwarding(self._popen) as received:  # a second Ctrl-C must not stop this half-way
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGTERM)
                self._nap(self._grace_s)
                os.killpg(self._popen.pid, signal.SIGKILL)
            for pid in self._others():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self._popen.wait()
        if received:
            raise KeyboardInterrupt


@contextmanager
def started(
    command: Sequence[str],
    environ: Mapping[str, str],
    log: Path,
    *,
    others: Callable[[], Iterable[int]] = tuple,
    grace_s: float = GRACE_S,
) -> Iterator[Child]:
    """Run a command; nothing of it outlives the block.

    Args:
        command: the program and its arguments.
        environ: its environment.
        log: where its output goes.
        others: numbers of processes that belong to the child but may have left its group.
        grace_s: time between a signal that is passed on and the end of the group.
    """
    with log.open("wb") as output:
        popen = subprocess.Popen(
            list(command),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    child = Child(popen, others, grace_s)
    try:
        yield child
    finally:
        child.end()


@contextmanager
def _forwarding(popen: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Passes SIGINT and SIGTERM on to the child's group inside the block; the list has those that came."""
    received: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        received.append(number)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, number)

    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield received
        return
    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tail_of(log: Path, limit: int = 4000) -> str:
    """The last characters of a file; empty when it cannot be read."""
    try:
        return log.read_bytes()[-limit:].decode("utf-8", "replace")
    except OSError:
        return ""
