"""Accepts the tests of a candidate that node ids, `-k` or another selection name. pytest collects them, but runs none."""

from __future__ import annotations

import pytest

from llenergymeasure._format import printable
from pytest_llem.baseline.accept import Selection, accepted
from pytest_llem.settings import Settings

_SELECTING = ("keyword", "markexpr", "deselect", "lf", "ignore", "ignore_glob")


def selects(config: pytest.Config) -> bool:
    """Whether the command line selects tests. Otherwise nothing needs to be collected."""
    chosen = any(config.getoption(name, None) for name in _SELECTING)
    return chosen or config.args_source is pytest.Config.ArgsSource.ARGS


class Accepting:
    """A plugin of hooks.

    Args:
        settings: of the run.
        path: of the candidate.

    Raises:
        pytest.UsageError: xdist is on, whose workers would collect the tests.
    """

    def __init__(self, config: pytest.Config, settings: Settings, path: str) -> None:
        self._settings, self._path = settings, path
        self._failed, self._lines = False, list[str]()
        if getattr(config.option, "numprocesses", None):
            raise pytest.UsageError("--llem-accept-baseline does not run in workers of xdist: add -n0")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Accept instead of running the tests; collection errors end the run as usual."""
        config = session.config
        if config.option.collectonly or (session.testsfailed and not config.option.continue_on_collection_errors):
            return None
        selection = Selection([item.nodeid for item in session.items], all("::" in text for text in config.args))
        self._failed, self._lines = accepted(config, self._settings, self._path, selection)
        return True

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What was not accepted fails the run."""
        if self._failed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the outcome of each test."""
        if self._lines:
            terminalreporter.write_sep("=", "llem")
            for line in self._lines:
                terminalreporter.write_line(printable(line))
