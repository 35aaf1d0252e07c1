"""The runner `python:INTERPRETER`: another environment of this machine, in which this package is installed too."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure._version import __version__
from llenergymeasure.exceptions import Finding
from llenergymeasure.launch.runners.runner import Command
from llenergymeasure.launch.runners.version import version_findings

# Variables that tie an interpreter to one environment. The last one is set on macOS.
OF_THIS_ENVIRONMENT = frozenset({"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"})


@dataclass(frozen=True)
class PythonRunner:
    """The interpreter of another environment. Its programs run as if that environment was activated.

    Attributes:
        name: the runner as written.
        interpreter: the full path of the interpreter; links are kept, because they identify a virtual environment.
    """

    name: str
    interpreter: Path
    is_local: bool = False
    can_fork: bool = True
    watches_owner: bool = True

    def command(self, arguments: Sequence[str], folder: Path | None, environ: Mapping[str, str]) -> Command:
        kept = {name: value for name, value in environ.items() if name not in OF_THIS_ENVIRONMENT}
        path = os.pathsep.join(filter(None, (str(self.interpreter.parent), environ.get("PATH"))))
        return Command((str(self.interpreter), *arguments), {**kept, "PATH": path})

    def image(self, environ: Mapping[str, str]) -> str | None:
        return None

    def findings(self, environ: Mapping[str, str]) -> tuple[Finding, ...]:
        return tuple(self._of_the_file()) or tuple(version_findings(self, environ, self._installation))

    def _of_the_file(self) -> Iterator[Finding]:
        if not self.interpreter.exists():
            yield Finding(
                f"runner {self.name}: there is no file {self.interpreter}",
                "make this environment, or name the interpreter of another one",
            )
        elif not self.interpreter.is_file() or not os.access(self.interpreter, os.X_OK):
            yield Finding(
                f"runner {self.name}: {self.interpreter} is not a program",
                "name the interpreter of the environment, such as bin/python in its folder",
            )

    @property
    def _installation(self) -> str:
        return f"in a clone of release {__version__}: {shlex.quote(str(self.interpreter))} -m pip install ."


def python_runner(name: str, target: str) -> PythonRunner:
    """The runner for an interpreter. A relative path is relative to the working directory, and `~` is the home directory."""
    return PythonRunner(name, Path(os.path.expanduser(target)).absolute())  # noqa: PTH111 - it never raises
