"""Asks the probe in the environment of a runner."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from llenergymeasure._files import launch_prefix
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.core.machine.last_lines import last_lines, reason_in
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.exceptions import Finding, PreFlightError
from llenergymeasure.launch.runners.choose import runner_for
from llenergymeasure.launch.runners.question import Answer, Question, read, write
from llenergymeasure.launch.runners.runner import Runner
from llenergymeasure.launch.runners.running import running

# Importing torch from a slow disk and asking the hub about several models takes minutes.
LIMIT_S = 900.0
PROBE = ("-m", "llenergymeasure.launch.runners.probe")


def ask(runner: Runner, question: Question, environ: Mapping[str, str]) -> Answer:
    """The answer of an environment.

    Args:
        runner: the runner of the environment.
        question: the question; its owner is set here.
        environ: the environment of this process.

    Raises:
        PreFlightError: programs of this package do not run there; with the first reason.
    """
    found = runner.findings(environ)
    if found:
        raise PreFlightError(found)
    with tempfile.TemporaryDirectory(prefix=launch_prefix(), ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write(question.model_copy(update={"owner": os.getpid() if runner.watches_owner else "lock"}), folder)
        with running(runner, [*PROBE, str(folder)], folder, folder / "log", environ) as child:
            child.wait(at_most_s=LIMIT_S)
        try:
            answer = read(Answer, folder)
        except (OSError, ValueError) as error:  # pydantic's ValidationError is one
            raise PreFlightError([_no_answer(runner, folder / "log")]) from error
    there = {"runner": runner.name, "image": runner.image(environ)}
    return answer.model_copy(update={"snapshot": answer.snapshot.model_copy(update=there)})


def _no_answer(runner: Runner, log: Path) -> Finding:
    return Finding(
        f"runner {runner.name}: the check there ended without an answer: {reason_in(last_lines(log))}",
        "repair this environment; `python -m llenergymeasure config` with its interpreter shows what is usable",
    )


def snapshots_elsewhere(
    backends: Iterable[str], user_config: UserConfig, environ: Mapping[str, str]
) -> dict[str, EnvironmentSnapshot]:
    """Python and packages of each backend that does not run in the environment of this process.

    Raises:
        PreFlightError: an environment cannot be asked.
    """
    snapshot_of = cache(lambda runner: ask(runner, Question(user_config=user_config), environ).snapshot)
    runners = {backend: runner_for(backend, user_config, environ) for backend in backends}
    return {backend: snapshot_of(runner) for backend, runner in runners.items() if not runner.is_local}
