"""Skips whatever measures, while the plugin is switched off by `-p no:llem`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest

from pytest_llem import hookspec
from pytest_llem.options import MARKER, is_suite

REASON = "measures an LLM experiment, and -p no:llem switches the plugin off"


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Keep the hooks known that a conftest may implement."""
    pluginmanager.add_hookspecs(hookspec)


def pytest_configure(config: pytest.Config) -> None:
    """Keep the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip marked tests."""
    for item in items:
        if item.get_closest_marker("llem") is not None:
            item.add_marker(pytest.mark.skip(reason=REASON))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a suite that the command line names, to skip it."""
    if not is_suite(file_path, parent.config) or not parent.session.isinitpath(file_path):
        return None
    return SkippedSuite.from_parent(parent, path=file_path)


class SkippedSuite(pytest.File):
    """A suite of which nothing is read."""

    def collect(self) -> Iterable[pytest.Item]:
        """One item that is skipped, or one for each experiment that the command line names."""
        for name in self._named or [self.path.name]:
            yield SkippedItem.from_parent(self, name=name)

    @property
    def _named(self) -> list[str]:
        here, parts = self.config.invocation_params.dir, (each.partition("::") for each in self.config.args)
        return [name for place, _, name in parts if name and (here / place).resolve() == self.path.resolve()]


class SkippedItem(pytest.Item):
    """Stands for one experiment of a suite, or for all of them."""

    def runtest(self) -> None:
        """Skip."""
        pytest.skip(REASON)


@pytest.fixture
def energy_meter() -> NoReturn:
    """Skips the test: the plugin is switched off."""
    pytest.skip(REASON)


@pytest.fixture
def llm_experiment() -> NoReturn:
    """Skips the test: the plugin is switched off."""
    pytest.skip(REASON)


@pytest.fixture(scope="session")
def llem_environment() -> NoReturn:
    """Skips the test: the plugin is switched off."""
    pytest.skip(REASON)
