"""Starts a server for an experiment, and ends it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from llenergymeasure.core.backends.server.processes.guard import GRACE_S
from llenergymeasure.core.machine.last_lines import MOST_BYTES, first_error_in, last_lines_in
from llenergymeasure.core.machine.signals import uninterrupted
from llenergymeasure.security import redact

GUARD = Path(__file__).with_name("guard.py")
# The guard kills after its grace period, and a killed process needs a moment to give its memory back.
LONGEST_END_S = GRACE_S + 10.0
# What is read of the start and of the end of the output: a crash of several processes writes more lines than a message shows.
# The guard keeps more of both.
READ_BYTES = 64 * MOST_BYTES
# By default, Linux gives the ports from 32768 on to outgoing connections, and to programs that ask for any port. Ray takes
# many up to 24000.
PORTS = range(24_001, 32_768)
TRIED_PORTS = 100


def free_port() -> int:
    """A port of this machine on which nothing listens. The server listens on it only after it has loaded the model."""
    for port in random.SystemRandom().sample(PORTS, TRIED_PORTS):
        with suppress(OSError):
            return _bound(port)
    return _bound(0)


def _bound(port: int) -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        bound: int = listener.getsockname()[1]
        return bound


def ending_of(code: int) -> str:
    """How the server ended, by its exit code: 128 + the signal as of a shell, or -signal as of subprocess."""
    try:
        killer = signal.Signals(-code if code < 0 else code - 128)
    except ValueError:
        return f"the server ended with exit code {code}"
    return f"the server was killed by signal {killer.value} ({killer.name})"


class LaunchedServer:
    """A running server that was started here. A guard ends it also when this process is killed.

    Args:
        command: its program and arguments.
        environ: its environment.
        secrets: values that no message may hold, such as its key.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], secrets: Sequence[str] = ()) -> None:
        self.command, self._secrets = tuple(command), tuple(secrets)
        self._output: IO[bytes] = TemporaryFile()  # noqa: SIM115 - it is open as long as the server runs
        self._written = (b"", b"")
        with ExitStack() as on_interrupt:
            with uninterrupted():
                self._guard = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), *command],
                    env=dict(environ),
                    stdin=subprocess.DEVNULL,
                    stdout=self._output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                on_interrupt.callback(self.end)  # at the end of this block: it runs, and nothing else would end it
            on_interrupt.pop_all()

    @property
    def pid(self) -> int:
        """The process that has all processes of the server as its descendants."""
        return self._guard.pid

    @property
    def exit_code(self) -> int | None:
        """The server's exit code, 128 + the signal for a killed process; None while it runs."""
        return self._guard.poll()

    def last_lines(self) -> tuple[str, ...]:
        """The last lines of its output, without secrets."""
        _, end = self._kept_output()
        return last_lines_in(end)

    def _kept_output(self) -> tuple[bytes, bytes]:
        """The start and the end of its output, without secrets; the start is empty when the end is all of it."""
        if self._output.closed:
            return self._written
        file = self._output.fileno()
        before_end = max(0, os.fstat(file).st_size - READ_BYTES)
        begin = os.pread(file, min(READ_BYTES, before_end), 0)
        whole_lines = begin[: begin.rfind(b"\n") + 1]  # a secret at the edge would not be recognised
        return self._shown(whole_lines), self._shown(os.pread(file, READ_BYTES, before_end))

    def _shown(self, output: bytes) -> bytes:
        return redact(output.decode("utf-8", "replace"), secrets=self._secrets).encode()

    def written(self) -> str:
        """Its first error and the end of its output as text, for a message."""
        begin, end = self._kept_output()
        lines, error = last_lines_in(end), first_error_in(begin + end)
        if not lines:
            return "it wrote nothing"
        first = "" if error is None or any(error in line for line in lines) else f"its first error: {error}; "
        return f"{first}its last lines:\n  " + "\n  ".join(lines)

    def why_ended(self) -> str | None:
        """Its exit code and the last lines of its output; None while it runs."""
        code = self.exit_code
        if code is None:
            return None
        advice = "" if code else " (server.launch needs a command that runs as long as the server)"
        return f"{ending_of(code)}{advice}; {self.written()}"

    def end(self) -> None:
        """End it with every process that it has started. Safe to call twice.

        Raises:
            KeyboardInterrupt: an interrupt arrived in the meantime.
        """
        with uninterrupted():
            if self._output.closed:
                return
            self._guard.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._guard.wait(LONGEST_END_S)
            if self._guard.returncode is None or self._guard.returncode < 0:  # it was killed, and its group is left
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._guard.pid, signal.SIGKILL)
                self._guard.wait()
            self._written = self._kept_output()
            self._output.close()
