"""A child process, and every process that it starts: they are interrupted and ended together.

The child leads its own process group. A terminal's Ctrl-C therefore reaches only the parent, which passes it on. At the end
the whole group gets SIGTERM, two seconds of grace, and then SIGKILL.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from llenergymeasure.core.machine.signals import held_back, uninterrupted
from llenergymeasure.exceptions import BackendError

GRACE_S = 2.0
POLL_S = 0.1


class Process(Protocol):
    """A process that leads its group. `subprocess.Popen` is one."""

    @property
    def pid(self) -> int:
        """Its id."""

    def poll(self) -> int | None:
        """Its exit code, minus the signal for a killed process; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code when it has ended.

        Raises:
            subprocess.TimeoutExpired: it did not end within this time.
        """


class Child:
    """A running child.

    Args:
        process: the process; it leads its group.
        others: process ids that belong to it but may have left its group.
        grace_s: seconds between SIGTERM and SIGKILL.
    """

    def __init__(self, process: Process, others: Callable[[], Iterable[int]], grace_s: float) -> None:
        self._process, self._others, self._grace_s = process, others, grace_s

    @property
    def exit_code(self) -> int | None:
        """The exit code, 128 + the signal for a killed process as in a shell; None while it runs."""
        code = self._process.poll()
        return None if code is None else 128 - code if code < 0 else code

    def wait(self, until: Callable[[], bool] = lambda: False, at_most_s: float | None = None) -> None:
        """Return when the child has ended, when `until` returns true, or after `at_most_s` seconds.

        Raises:
            KeyboardInterrupt: an interrupt arrived and was passed on.
        """
        end_s = math.inf if at_most_s is None else time.monotonic() + at_most_s
        with held_back(self._forward) as interrupts:
            while not interrupts and self.exit_code is None and not until() and time.monotonic() < end_s:
                self._nap(POLL_S)
        if interrupts:
            raise interrupts[0]

    def _nap(self, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=seconds)

    def end(self) -> None:
        """End what still runs: SIGTERM to the group, a grace period, then SIGKILL to the group and the others.

        Raises:
            KeyboardInterrupt: an interrupt arrived in the meantime.
        """
        with uninterrupted(self._forward):  # a second Ctrl-C must not interrupt this
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGTERM)
                self._nap(self._grace_s)
                os.killpg(self._process.pid, signal.SIGKILL)
            for pid in self._others():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()

    def _forward(self, number: int) -> None:
        """Pass a signal on to the child's group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


@contextmanager
def startable(program: str) -> Iterator[None]:
    """Convert the error of a program that cannot be started, such as the interpreter of an environment that was removed.

    Raises:
        BackendError: the program cannot be started.
    """
    try:
        yield
    except OSError as error:
        raise BackendError(f"{program} cannot be started ({error.strerror})") from error


@contextmanager
def started(
    command: Sequence[str],
    environ: Mapping[str, str],
    log: Path,
    *,
    others: Callable[[], Iterable[int]] = tuple,
    grace_s: float = GRACE_S,
) -> Iterator[Child]:
    """Start a command; its processes have ended when the block ends.

    Args:
        command: the program and its arguments.
        environ: its environment.
        log: file for its output.
        others: process ids that belong to the child but may have left its group.
        grace_s: seconds between SIGTERM and SIGKILL.

    Raises:
        BackendError: the program cannot be started.
    """
    with log.open("wb") as output, startable(command[0]):
        process = subprocess.Popen(
            list(command),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with ended_with_block(process, others, grace_s) as child:
        yield child


@contextmanager
def ended_with_block(
    process: Process, others: Callable[[], Iterable[int]] = tuple, grace_s: float = GRACE_S
) -> Iterator[Child]:
    """A process that was started; it and its processes have ended when the block ends."""
    child = Child(process, others, grace_s)
    try:
        yield child
    finally:
        child.end()
