"""Checks the versions of Python and of this package in the environment of a runner."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from llenergymeasure._json import read_json
from llenergymeasure._version import __version__
from llenergymeasure.core.machine.last_lines import last_lines_in, reason_in
from llenergymeasure.domain.base import Frozen
from llenergymeasure.exceptions import Finding
from llenergymeasure.launch.runners.completed import completed
from llenergymeasure.launch.runners.runner import Runner

LEAST_PYTHON = (3, 10)
# An environment on a slow network disk takes seconds.
LIMIT_S = 120.0


class Versions(Frozen):
    """The versions in an environment.

    Attributes:
        python: version of Python.
        version: version of this package; None when it is not installed, or cannot be imported.
        problem: why it cannot be imported; empty when it can, or is not installed.
    """

    python: tuple[int, int, int]
    version: str | None
    problem: str


def version_findings(runner: Runner, environ: Mapping[str, str], installation: str) -> Iterator[Finding]:
    """Findings about an environment that does not have this release of this package.

    Args:
        runner: the runner.
        environ: the environment of this process.
        installation: the command that installs this release there.
    """
    found = versions_there(runner, environ)
    if isinstance(found, str):
        yield Finding(
            f"runner {runner.name} does not answer as a Python interpreter: {found}",
            "name the interpreter of an environment, such as python:/opt/vllm/bin/python",
        )
    elif found.python < LEAST_PYTHON:
        yield Finding(
            f"runner {runner.name} has Python {_dotted(found.python)}, and {_dotted(LEAST_PYTHON)} or newer is needed",
            "make the environment with a newer Python",
        )
    elif found.problem:
        yield Finding(f"runner {runner.name} cannot import llenergymeasure: {found.problem}", installation)
    elif found.version is None:
        yield Finding(f"runner {runner.name} has no llenergymeasure (not installed)", installation)
    elif found.version != __version__:
        yield Finding(
            f"runner {runner.name} has llenergymeasure {found.version}, and this is {__version__}", installation
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def versions_there(runner: Runner, environ: Mapping[str, str]) -> Versions | str:
    """The versions in the environment of a runner; the reason as text when its interpreter does not report them."""
    program = Path(__file__).with_name("report_version.py").read_text(encoding="utf-8")
    command = runner.command(("-c", program), None, environ)
    try:
        done = completed(command.arguments, command.environ, LIMIT_S)
    except OSError as error:
        return str(error.strerror)
    except subprocess.TimeoutExpired:
        return f"it did not answer within {LIMIT_S:g} s"
    return _versions(done)


def _versions(done: subprocess.CompletedProcess[bytes]) -> Versions | str:
    if done.returncode != 0:
        return f"exit code {done.returncode}: {reason_in(last_lines_in(done.stderr))}"
    try:
        return Versions.model_validate(read_json(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError):  # pydantic's ValidationError is one
        return f"it wrote: {reason_in(last_lines_in(done.stdout))}"
