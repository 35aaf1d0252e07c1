"""Controls run first and with every selection of experiments: only then can they say whether the machine has shifted."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_llem.marker import is_control
from pytest_llem.options import is_experiment, may_have_windows

# Its purpose is to skip the files without a failed test. With it, a control in another file would not even be collected.
_SKIPPING = "lfplugin-collwrapper"


class Controls:
    """A plugin of hooks. `-k` and `--lf` keep the controls; `-m` and `--deselect` may leave them out."""

    def __init__(self) -> None:
        self._collected: list[pytest.Item] = []
        self._kept: list[pytest.Item] = []

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """With `--lf`, collect every file, and let pytest select afterwards."""
        if session.config.pluginmanager.has_plugin(_SKIPPING):
            session.config.pluginmanager.unregister(name=_SKIPPING)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, object, object]:
        """Find the controls before any plugin selects tests."""
        self._collected = [item for item in items if is_control(item)]
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Move the controls to the front, after every other plugin has selected and ordered the tests."""
        selected = [item for item in session.items if item in self._collected]
        others = [item for item in session.items if item not in self._collected]
        judged = any(is_experiment(item) or may_have_windows(item) for item in others)
        needed = judged and not session.config.getoption("markexpr", "")
        self._kept = [item for item in self._collected if item not in selected and needed and not _is_named(item)]
        session.items[:] = [item for item in self._collected if item in selected or item in self._kept] + others

    def pytest_report_collectionfinish(self) -> list[str]:
        """Name the controls that run although the selection leaves them out."""
        return [f"llem: {item.nodeid} is kept, because it is a control" for item in self._kept]


def _is_named(item: pytest.Item) -> bool:
    """Whether `--deselect` names the test."""
    return any(map(item.nodeid.startswith, item.config.getoption("deselect", None) or ()))
