"""The client of the fork server: starts it, requests processes, and ends it."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from llenergymeasure.core.machine.last_lines import last_lines_in, reason_in
from llenergymeasure.exceptions import BackendError
from llenergymeasure.launch.process import GRACE_S, startable

START_POLL_S = 1.0
# The server gives its processes one grace period after SIGTERM and one after SIGKILL. The rest is for a busy machine: when the
# server itself is killed, a process that ignores signals is left behind.
END_S = 2 * GRACE_S + 5.0


def server_arguments(backend: str) -> list[str]:
    """The arguments of Python for a fork server of a backend, to which the socket and the owner are added."""
    return ["-m", "llenergymeasure.launch.fork", backend]


class ForkServer:
    """A running fork server. It and all its processes end with `close`, or with this process. Use it from one thread.

    Args:
        command: its program and arguments; the number of the socket and of this process are added.
        environ: its environment and that of its processes.

    Raises:
        BackendError: the program cannot be started.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair()
        self._received, self._ready, self._gone = b"", False, False
        self._answers: list[tuple[str, int | str]] = []
        self._codes: dict[int, int] = {}
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        try:
            with theirs, startable(command[0]):
                self._process = subprocess.Popen(
                    [*command, str(theirs.fileno()), str(os.getpid())],
                    env=dict(environ),
                    stdin=subprocess.DEVNULL,
                    stdout=self._output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except BackendError:
            self._control.close()
            self._output.close()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether it can fork further processes."""
        self.receive(0.0)
        return not self._gone

    def wait_until_ready(self) -> None:
        """Return when it has imported its libraries.

        Raises:
            BackendError: it ended before that.
        """
        while not self._ready and not self._gone:
            self.receive(START_POLL_S)
        if self._gone:
            raise BackendError(f"the server that forks processes ended: {self._last_words()}")

    def fork(self, folder: Path, log: Path) -> ForkedProcess:
        """A process for the request in a folder, as soon as the server is ready.

        Raises:
            BackendError: the server ended, or the system refused another process.
        """
        with suppress(OSError):  # it has ended, which `receive` finds
            self._control.sendall(json.dumps([str(folder), str(log)]).encode() + b"\n")
        while not self._answers and not self._gone:
            self.receive(START_POLL_S)
        if not self._answers:
            raise BackendError(f"the server that forks processes ended: {self._last_words()}")
        kind, answer = self._answers.pop()
        if kind == "refused":
            raise BackendError(f"the system refused another process: {answer}")
        return ForkedProcess(self, int(answer))

    def receive(self, seconds: float) -> None:
        """Read the server's messages, for at most this number of seconds."""
        if self._gone or not select.select([self._control], [], [], seconds)[0]:
            return
        try:
            new = self._control.recv(65536)
        except OSError:
            new = b""
        self._gone = not new
        *lines, self._received = (self._received + new).split(b"\n")
        for kind, *numbers in map(json.loads, lines):
            if kind == "ended":
                self._codes.update([numbers])
            elif kind == "ready":
                self._ready = True
            else:
                self._codes.pop(numbers[0], None)  # of an earlier process with this number
                self._answers.append((kind, numbers[0]))

    def code_of(self, pid: int) -> int | None:
        """How a process ended, as `Popen.returncode`; None while it runs. Without the server it counts as killed."""
        return self._codes.get(pid, -signal.SIGKILL if self._gone else None)

    def close(self) -> None:
        """End the server and all its processes."""
        self.receive(0.0)
        self._control.close()
        self._gone = True
        try:
            self._process.wait(timeout=END_S if self._ready else 0.0)  # while it imports, it has no processes
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._output.close()

    def _last_words(self) -> str:
        self._output.seek(0)
        return reason_in(last_lines_in(self._output.read()))


class ForkedProcess:
    """A process that the server forked, with the methods of `subprocess.Popen` that are needed to wait for it.

    Args:
        server: the server.
        pid: the id of the process.
    """

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server, self.pid = server, pid

    def poll(self) -> int | None:
        self._server.receive(0.0)
        return self._server.code_of(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        end_s = math.inf if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise subprocess.TimeoutExpired("a forked process", timeout or 0.0)
            self._server.receive(min(left_s, START_POLL_S))
        return code
