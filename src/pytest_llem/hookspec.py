"""Hooks that a conftest or a plugin may implement. docs/pytest-plugin.md has a working example of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from llenergymeasure import ExperimentConfig
    from pytest_llem.verdict.verdict import Verdict


@pytest.hookspec
def pytest_llem_fingerprint(config: pytest.Config, fingerprint: dict[str, Any]) -> None:
    """Change the hard identity of this machine: it selects the baseline file.

    Args:
        config: pytest's.
        fingerprint: plain values by name; change it in place.
    """


@pytest.hookspec(firstresult=True)
def pytest_llem_modify_config(item: pytest.Item, config: ExperimentConfig) -> ExperimentConfig | None:
    """Return another configuration for a test, such as a smaller one on a laptop; None = no change.

    Args:
        item: the test.
        config: the configuration from the marker or the suite.
    """


@pytest.hookspec(firstresult=True)
def pytest_llem_make_meter(config: pytest.Config, name: str) -> Any:
    """Return your own meter (`name`, `devices`, `open_window()`, `release()`); None = use the built-in meters.

    Args:
        config: pytest's.
        name: the value of `--llem-energy`.
    """


@pytest.hookspec
def pytest_llem_verdict(item: pytest.Item, verdict: Verdict) -> None:
    """Receive each verdict, before it passes or fails the test.

    Args:
        item: the test.
        verdict: the verdict on each metric.
    """
