"""Describes the environments of backends whose runner is not local, by asking them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llenergymeasure.config.user_config import UserConfig, load_user_config
from llenergymeasure.core.backends.registry import BACKENDS
from llenergymeasure.exceptions import ConfigError, Finding, PreFlightError
from llenergymeasure.launch.runners.ask import ask
from llenergymeasure.launch.runners.choose import runner_for
from llenergymeasure.launch.runners.question import Answer, Question
from llenergymeasure.launch.runners.runner import Runner

__all__ = ["Elsewhere", "elsewhere"]


@dataclass(frozen=True)
class Elsewhere:
    """The environment in which a backend runs.

    Attributes:
        runner: the runner as written; empty for one that is not valid.
        python: version of Python there; empty when programs of this package do not run there.
        versions: versions of the backend's packages there.
        findings: why the backend cannot be measured there; none when it can.
    """

    runner: str
    python: str
    versions: Mapping[str, str]
    findings: tuple[Finding, ...]


def elsewhere(backend: str, environ: Mapping[str, str]) -> Elsewhere | None:
    """The environment of a backend; None for the environment of this process."""
    user_config = _user_config()
    try:
        runner = runner_for(backend, user_config, environ)
    except ConfigError as error:
        return Elsewhere("", "", {}, (Finding(error.located, error.fix),))
    if runner.is_local:
        return None
    try:
        return _described(backend, runner, ask(runner, Question(user_config=user_config), environ))
    except PreFlightError as error:
        return Elsewhere(runner.name, "", {}, tuple(error.findings))


def _user_config() -> UserConfig:
    """The user config; the defaults for an invalid one, whose error is in the settings."""
    try:
        return load_user_config()
    except ConfigError:
        return UserConfig()


def _described(backend: str, runner: Runner, answer: Answer) -> Elsewhere:
    entry, packages = BACKENDS[backend], answer.snapshot.packages
    versions = {name: packages[name] for name in entry.distributions if name in packages}
    missing = Finding(f"runner {runner.name}: backend '{backend}' is not installed", entry.install)
    found = () if backend in answer.backends else (missing,)
    return Elsewhere(runner.name, answer.snapshot.python, versions, found)
