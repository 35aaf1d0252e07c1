"""Keeps the record of each test: its newest attempt, and the outcome of all its phases and subtests."""

from __future__ import annotations

import pytest

from pytest_llem.options import is_experiment
from pytest_llem.stash import State


class Attempts:
    """A plugin of hooks. A test that runs again, such as with `--reruns`, begins with a new record.

    Args:
        state: of the pytest run.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """An attempt begins."""
        self._state.begin_attempt(item)
        if is_experiment(item):
            self._state.record(item)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """A plugin may call a test again without a setup before it: that is another attempt too."""
        record = self._state.records.get(item.nodeid)
        if record is not None and record.called:
            self._state.begin_attempt(item)
        if item.nodeid in self._state.records:
            self._state.records[item.nodeid].called = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase or a subtest has ended."""
        record = self._state.records.get(report.nodeid)
        if record is not None:
            record.add_report(report)
