"""Options of `llem run` that belong to `--resume`."""

from __future__ import annotations

from pathlib import Path

from llenergymeasure.exceptions import ConfigError


def check_resume(*, resume: bool, folder: Path | None, other_environment: bool, dry_run: bool) -> None:
    """Check that the options for a study that is continued are complete.

    Raises:
        ConfigError: one of them has no effect.
    """
    if dry_run and resume:
        raise ConfigError("--dry-run describes a new study, and --resume continues one", "remove one of them")
    if other_environment and not resume:
        raise ConfigError("--allow-other-environment is about a study that is continued", "add --resume, or remove it")
    if folder is not None and not resume:
        raise ConfigError(f"'{folder}' is a second argument", "write --resume before the folder to continue")
