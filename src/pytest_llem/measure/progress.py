"""How far a pytest run came. Its exit code alone does not say whether it was interrupted: `pytest.exit` may choose 0."""

from __future__ import annotations

from collections.abc import Generator

import pytest


class Progress:
    """A plugin of hooks that only observe.

    Attributes:
        interrupted: whether the run was interrupted or crashed.
        started: whether tests were to be run, and not only listed.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self.started = False
        self._selected: int | None = None
        self._ended = 0

    @property
    def complete(self) -> bool:
        """Whether every selected test has ended."""
        return not self.interrupted and self._selected is not None and self._ended >= self._selected

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """The selection of the tests is final."""
        self._selected = len(session.items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """The tests begin."""
        self.started = not session.config.option.collectonly

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """A test has ended, unless an exception ended the run inside it."""
        result = yield
        self._ended += 1
        return result

    def pytest_keyboard_interrupt(self) -> None:
        """Ctrl-C, or `pytest.exit`. A second Ctrl-C may come before this hook is called."""
        self.interrupted = True

    def pytest_internalerror(self) -> None:
        """A plugin or a conftest crashed."""
        self.interrupted = True
