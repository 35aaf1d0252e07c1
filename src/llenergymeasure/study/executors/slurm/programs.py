"""Runs the programs of Slurm. Only this module starts them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# A program waits 10 s for the controller (MessageTimeout) and asks again some times.
LIMIT_S = 120.0
NOT_FOUND = 127
TIMED_OUT = 124


@dataclass(frozen=True)
class Answer:
    """What a program wrote.

    Attributes:
        code: its exit code; 127 = the program is not installed, 124 = it did not end in time.
        output: what it wrote to stdout.
        errors: what it wrote to stderr.
    """

    code: int
    output: str = ""
    errors: str = ""

    @property
    def message(self) -> str:
        """The lines of its error, as one line."""
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        return "; ".join(lines) or f"exit code {self.code}"


Run = Callable[[Sequence[str]], Answer]


def run_program(arguments: Sequence[str]) -> Answer:
    """Run a program of Slurm to its end.

    Args:
        arguments: its name and its arguments.
    """
    try:
        done = subprocess.run(
            list(arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        return Answer(NOT_FOUND, errors=f"{arguments[0]} is not installed")
    except subprocess.TimeoutExpired:
        return Answer(TIMED_OUT, errors=f"{arguments[0]} did not end within {LIMIT_S:g} s")
    return Answer(done.returncode, done.stdout, done.stderr)
