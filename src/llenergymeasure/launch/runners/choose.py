"""Chooses the runner of a backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from llenergymeasure.config.user_config import UserConfig, resolve_runner
from llenergymeasure.launch.runners.local import LOCAL
from llenergymeasure.launch.runners.runner import Runner


def runner_for(backend: str, user_config: UserConfig, environ: Mapping[str, str]) -> Runner:
    """The runner of a backend: LLEM_RUNNER_<BACKEND>, then `runners` of the user config, then local.

    Raises:
        ConfigError: it is not known, or not in this release.
    """
    setting = resolve_runner(backend, user_config, environ)
    if setting.target is None:
        return LOCAL
    if setting.kind == "docker":
        from llenergymeasure.launch.runners.container.runner import ContainerRunner  # noqa: PLC0415 - it reads requests: types of results

        return ContainerRunner(str(setting), setting.target, user_config.containers)
    from llenergymeasure.launch.runners.python import python_runner  # noqa: PLC0415 - only this runner needs it

    return python_runner(str(setting), setting.target)


def runner_notes(backend: str, user_config: UserConfig, environ: Mapping[str, str]) -> Iterator[str]:
    """A note for the user where a backend does not run in the environment of this process."""
    runner = runner_for(backend, user_config, environ)
    if not runner.is_local:
        yield f"backend '{backend}' runs in {runner.name}"
