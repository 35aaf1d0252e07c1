"""With `-p no:llem`, suites are skipped instead of failing with unknown options, marks and fixtures. PYTEST_DONT_REWRITE

This is a second plugin: the first one is not loaded then. It does nothing while the first one is there.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Keep options and settings known, and register what skips."""
    if pluginmanager.is_blocked("llem"):
        from pytest_llem.hooks import skips  # noqa: PLC0415 - only with -p no:llem
        from pytest_llem.options import add_options  # noqa: PLC0415 - the same

        add_options(parser)
        pluginmanager.register(skips, "llem-skips")
