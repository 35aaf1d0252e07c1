"""The pytest plugin's entry point: registers `--llem` and the marker. Imports nothing heavy.

This release skips marked tests without `--llem`; fixtures, suites and baselines come with the next one.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--llem`."""
    group = parser.getgroup("llem", "llenergymeasure")
    group.addoption("--llem", action="store_true", default=False, help="Run experiments (default: skip them).")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "llem(config=None): a test that measures an LLM experiment; runs with --llem.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--llem`, experiments are skipped."""
    if config.getoption("--llem"):
        return
    skip = pytest.mark.skip(reason="measures an LLM experiment: run with --llem")
    for item in items:
        if item.get_closest_marker("llem"):
            item.add_marker(skip)
