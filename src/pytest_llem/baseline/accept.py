"""`--llem-accept-baseline`: merges a candidate baseline into the committed baselines, without measuring."""

from __future__ import annotations

import pytest

from pytest_llem.baseline.folder import read_folder, write_changes
from pytest_llem.baseline.parse import BaselineError, read_file
from pytest_llem.baseline.update import accept
from pytest_llem.settings import Settings, settings_of


def main(config: pytest.Config, path: str) -> int:
    """Merge, and print the outcome of each test; the exit code is a failure when a test was refused.

    Raises:
        pytest.UsageError: a setting, the candidate or a baseline is invalid.
    """
    refused, lines = accepted(config, settings_of(config), path)
    print("\n".join(lines))  # noqa: T201
    return int(pytest.ExitCode.TESTS_FAILED if refused else pytest.ExitCode.OK)


def accepted(config: pytest.Config, settings: Settings, path: str) -> tuple[bool, list[str]]:
    """Merge. Returns whether a test was refused, and a line per test and file.

    Raises:
        pytest.UsageError: the candidate or a baseline is invalid.
    """
    try:
        before = read_folder(settings.baseline_dir)
        found = accept(before, read_file(config.invocation_params.dir / path), settings.update or "replace")
        written = write_changes(before, found.baselines)
    except BaselineError as error:
        raise pytest.UsageError(str(error)) from error
    lines = [f"{each.action}: {each.test_id}{f': {each.note}' if each.note else ''}" for each in found.outcomes]
    refused = any(each.action == "refused" for each in found.outcomes)
    return refused, [*lines, *(f"written: {each}" for each in written)]
