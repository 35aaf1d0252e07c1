"""One child process and all that it starts: heard, interrupted and ended together.

The child leads a process group of its own, so that a terminal's Ctrl-C reaches only us and is passed on, and whatever it
started ends with it: SIGINT or SIGTERM, two seconds of grace, then SIGKILL for the whole group.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

GRACE_S = 2.0
POLL_S = 0.2
FORWARDED = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        exit_code: as the shell counts: 128 + the signal when it was killed by one.
        said: the end of what it wrote.
    """

    exit_code: int
    said: str


def run_child(
    command: Sequence[str],
    environ: Mapping[str, str],
    log: Path,
    *,
    others: Callable[[], Iterable[int]] = tuple,
    is_stuck: Callable[[], bool] = lambda: False,
    grace_s: float = GRACE_S,
) -> Ended:
    """Run a command to its end; nothing of it outlives this call.

    Args:
        command: the program and its arguments.
        environ: its environment.
        log: where its output goes.
        others: process numbers that belong to the child but may have left its group.
        is_stuck: asked now and then; true ends the child.
        grace_s: time between the signal that is passed on and the end of the group.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM came; the child was told and is gone.
    """
    with log.open("wb") as output:
        child = subprocess.Popen(
            list(command),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with _Forwarding(child) as forwarding:
            try:
                exit_code = _wait(child, forwarding, is_stuck, grace_s)
            finally:
                end_group(child, others, grace_s)
    if forwarding.received is not None:
        raise KeyboardInterrupt
    return Ended(128 - exit_code if exit_code < 0 else exit_code, tail_of(log))


def _wait(child: subprocess.Popen[bytes], forwarding: _Forwarding, is_stuck: Callable[[], bool], grace_s: float) -> int:
    """Exit code of the child; -SIGKILL when it must be ended because it is stuck or does not heed a signal."""
    while forwarding.received is None and not is_stuck():
        with suppress(subprocess.TimeoutExpired):
            return child.wait(timeout=POLL_S)
    if forwarding.received is not None:
        with suppress(subprocess.TimeoutExpired):
            return child.wait(timeout=grace_s)
    return -signal.SIGKILL


def end_group(child: subprocess.Popen[bytes], others: Callable[[], Iterable[int]], grace_s: float) -> None:
    """End what is left: SIGTERM to the group, some grace for the child, then SIGKILL to the group and the others."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=grace_s)
        os.killpg(child.pid, signal.SIGKILL)
    for pid in others():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    child.wait()


class _Forwarding:
    """Passes SIGINT and SIGTERM on to the child's group while it runs, and remembers the first."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._before: dict[signal.Signals, Any] = {}
        self.received: int | None = None

    def __enter__(self) -> _Forwarding:
        if threading.current_thread() is threading.main_thread():  # only there may handlers be set
            self._before = {number: signal.signal(number, self._forward) for number in FORWARDED}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _forward(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, number)


def tail_of(log: Path, limit: int = 4000) -> str:
    """The last characters of a file; empty when it cannot be read."""
    try:
        return log.read_bytes()[-limit:].decode("utf-8", "replace")
    except OSError:
        return ""
