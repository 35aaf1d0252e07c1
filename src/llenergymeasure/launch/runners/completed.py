"""Runs a program to its end, for its exit code and its output."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence


def completed(
    command: Sequence[str], environ: Mapping[str, str], limit_s: float, new_session: bool = False
) -> subprocess.CompletedProcess[bytes]:
    """A command that has ended. It has no input.

    Args:
        command: the program and its arguments.
        environ: its environment.
        limit_s: longest time in s.
        new_session: whether Ctrl-C in a terminal does not reach it.

    Raises:
        OSError: the program cannot be started.
        subprocess.TimeoutExpired: it did not end in time, and was killed.
    """
    return subprocess.run(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=limit_s,
        check=False,
        start_new_session=new_session,
    )
