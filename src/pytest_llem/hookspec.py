"""Hooks that a conftest or a plugin may implement. Each is shown by a working example in docs/pytest-plugin.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from llenergymeasure import ExperimentConfig
    from pytest_llem.verdict.verdict import Verdict


@pytest.hookspec
def pytest_llem_fingerprint(config: pytest.Config, fingerprint: dict[str, Any]) -> None:
    """Change what makes this machine comparable: the hard identity that chooses the baseline file.

    Args:
        config: pytest's.
        fingerprint: plain values by name; change it in place.
    """


@pytest.hookspec(firstresult=True)
def pytest_llem_modify_config(item: pytest.Item, config: ExperimentConfig) -> ExperimentConfig | None:
    """Give another configuration for a test, such as a smaller one on a laptop; None = leave it.

    Args:
        item: the test.
        config: what the marker or the suite says.
    """


@pytest.hookspec(firstresult=True)
def pytest_llem_make_meter(config: pytest.Config, name: str) -> Any:
    """Give a meter of your own (`name`, `devices`, `open_window()`, `release()`); None = the built-in ones.

    Args:
        config: pytest's.
        name: what `--llem-energy` says.
    """


@pytest.hookspec
def pytest_llem_verdict(item: pytest.Item, verdict: Verdict) -> None:
    """Told of each verdict, before it passes or fails the test.

    Args:
        item: the test.
        verdict: what was found, metric by metric.
    """
