"""Runs programs in forks of a process that has imported a library once: each program has a fresh process without the import time.

    test -- Popen --> client -- arguments, folder, variables, files 0 to 2 --> server -- fork --> attendant -- fork --> program

`Forker.python` is started as Python is, with `-m`, `-c` or the file of a program. The client looks like the program: it has its
output and its exit code, passes SIGINT and SIGTERM on, and takes the program with it when it is killed. What a program starts
with `sys.executable` is forked too. What differs from a process of its own: modules that the server has imported read their
variables when it began, and the program's parent, session and number are not those that the test sees.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TELL = """
import json, os
_answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

def tell(**said):
    print(json.dumps(said), file=_answers, flush=True)

"""


class Forker:
    """The process to fork, seen from the tests.

    Attributes:
        import_mb: memory that the import took, in MB.
        bin: a folder for the PATH, with `python`, `llem` and `pytest`.
        python: stands for `sys.executable`.
    """

    def __init__(self, module: str, environ: Mapping[str, str], prelude: str = "") -> None:
        """Start it; a prelude is run once, after the import; the threads that it starts do not live on in the forks."""
        self._environ = {**os.environ, **environ}
        self._place = tempfile.TemporaryDirectory(prefix="forked-")
        self.bin = Path(self._place.name)
        address = str(self.bin / "socket")
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "server.py"), address, module, prelude],
            env=with_tests_on_path(self._environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.import_mb: float = self._first_line(600.0)["import_mb"]
        self.python = self._command("python", address)
        self._command("llem", address, "-m", "llenergymeasure")
        self._command("pytest", address, "-m", "pytest")

    def run(self, code: str, environ: Mapping[str, str] | None = None, seconds: float = 60.0) -> Any:
        """What a program said with `tell(name=value)`, last word last; an error of its own is raised here."""
        done = subprocess.run(
            [self.python, "-c", TELL + code], env={**self._environ, **(environ or {})}, capture_output=True, text=True,
            timeout=seconds, check=False,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(done.stderr)
        return {name: value for line in done.stdout.splitlines() for name, value in json.loads(line).items()}

    def close(self) -> None:
        self._process.communicate("")
        self._place.cleanup()

    def _first_line(self, seconds: float) -> Any:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self._process.kill()
            self.close()
            raise AssertionError(f"the process to fork did not start within {seconds:g} s; its errors are on stderr")
        return json.loads(line)

    def _command(self, name: str, *arguments: str) -> str:
        path = self.bin / name
        client = shlex.join([sys.executable, "-I", "-S", str(HERE / "client.py"), *arguments])
        path.write_text(f'#!/bin/sh\nexec {client} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return str(path)


def with_tests_on_path(environ: Mapping[str, str]) -> dict[str, str]:
    """Programs may import what the tests import: fakes and simulated GPUs."""
    path = [str(HERE.parent), *filter(None, [environ.get("PYTHONPATH")])]
    return {**environ, "PYTHONPATH": os.pathsep.join(path)}
