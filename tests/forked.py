"""Runs snippets in forks of a process that has imported a library once: a fresh one of each, for the price of one import.

A prelude is run once, after the import; the threads that it starts do not live on in the forks.

The process prints what the import cost, then a line of JSON per snippet. A snippet reports with `tell(value)`.
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

MEGABYTE_KIB = 1000


class Forker:
    """The process, seen from the tests.

    Attributes:
        import_mb: memory that the import took.
    """

    def __init__(self, module: str, environ: Mapping[str, str], prelude: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, module, prelude],
            env={**os.environ, **environ, "PYTHONPATH": str(Path(__file__).parent)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.import_mb: float = self._read(120.0)["import_mb"]

    def run(self, code: str, environ: Mapping[str, str] | None = None, seconds: float = 30.0) -> Any:
        """What the snippet told, last word last; an error of its own is raised here."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"code": code, "environ": dict(environ or {})}) + "\n")
        self._process.stdin.flush()
        answer = self._read(seconds)
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["told"]

    def close(self) -> None:
        self._process.communicate("")

    def _read(self, seconds: float) -> Any:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        if not ready:
            self._process.kill()
            raise AssertionError(f"no answer in {seconds:g} s")
        return json.loads(self._process.stdout.readline())


def _serve(module: str, prelude: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import_module(module)
    exec(prelude, {})
    import_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE_KIB
    print(json.dumps({"import_mb": import_mb}), file=answers, flush=True)
    for line in sys.stdin:
        if os.fork():
            os.wait()
            continue
        print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)
        os._exit(0)


def _answer(task: dict[str, Any]) -> dict[str, Any]:
    os.environ.update(task["environ"])
    told: dict[str, Any] = {}
    try:
        exec(task["code"], {"tell": lambda **said: told.update(said)})
    except BaseException as error:
        return {"told": told, "error": f"{type(error).__name__}: {error}"}
    return {"told": told}


if __name__ == "__main__":
    _serve(*sys.argv[1:])
