"""The entry point of the pytest plugin. It is small, because every pytest run imports it. PYTEST_DONT_REWRITE

`run_hooks` holds the hooks that only a run with `--llem` needs. The measuring code is loaded when the first test needs it.
All modules of ours except the options are imported where they are used: a run without experiments loads none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_llem import hookspec
from pytest_llem.options import MARKER, add_options, is_active, is_experiment, is_suite, is_untouched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from llenergymeasure._plugin_api import EnvironmentSnapshot
    from pytest_llem.llm_experiment import Experiments
    from pytest_llem.measure.energy_meter import EnergyMeter
    from pytest_llem.stash import State

SKIPPED = "measures an LLM experiment: run with --llem"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options and ini settings."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hooks of this plugin."""
    pluginmanager.add_hookspecs(hookspec)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """With `--llem-accept-baseline`, accept a candidate instead of running tests; a selection of them is collected first."""
    path = config.getoption("--llem-accept-baseline")
    if path is None:
        return None
    from pytest_llem.baseline.accept import main  # noqa: PLC0415 - only for this option
    from pytest_llem.hooks.accepting import selects  # noqa: PLC0415 - the same

    return None if selects(config) else main(config, path)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, check the settings and, with `--llem`, register the other hooks."""
    config.addinivalue_line("markers", MARKER)
    if is_untouched(config):
        return
    from pytest_llem.stash import state_of  # noqa: PLC0415 - only where something is set

    state = state_of(config)
    path = config.getoption("--llem-accept-baseline")
    if path is not None:
        from pytest_llem.hooks.accepting import Accepting  # noqa: PLC0415 - only for this option

        config.pluginmanager.register(Accepting(config, state.settings, path), "llem-accepting")
    elif state.settings.active:
        _register_hooks(config, state)


def _register_hooks(config: pytest.Config, state: State) -> None:
    from pytest_llem import run_hooks  # noqa: PLC0415 - only with --llem
    from pytest_llem.hooks import requests  # noqa: PLC0415 - the same
    from pytest_llem.hooks.attempts import Attempts  # noqa: PLC0415 - the same
    from pytest_llem.hooks.controls import Controls  # noqa: PLC0415 - the same

    config.pluginmanager.register(run_hooks, "llem-session")
    config.pluginmanager.register(requests, "llem-requests")
    config.pluginmanager.register(state.progress, "llem-progress")
    config.pluginmanager.register(state.claims, "llem-claims")
    config.pluginmanager.register(Attempts(state), "llem-attempts")
    config.pluginmanager.register(Controls(), "llem-controls")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a suite with `--llem`, or when the command line names it."""
    if not is_suite(file_path, parent.config):
        return None
    if not is_active(parent.config) and not parent.session.isinitpath(file_path):
        return None
    from pytest_llem.suites import SuiteFile  # noqa: PLC0415 - only where there is a suite

    return SuiteFile.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip experiments when `--llem` is not given."""
    if not is_active(config):
        skip = pytest.mark.skip(reason=SKIPPED)
        for item in filter(is_experiment, items):
            item.add_marker(skip)


@pytest.fixture
def energy_meter(request: pytest.FixtureRequest) -> Iterator[EnergyMeter]:
    """The energy of any code: `with energy_meter.window("name") as window: ...`, then `window.energy_j`; works without --llem."""
    from pytest_llem.stash import state_of  # noqa: PLC0415 - only where a test measures

    meter = state_of(request.config).energy_meter(request.node)
    yield meter
    meter.finish()


@pytest.fixture
def llm_experiment(request: pytest.FixtureRequest) -> Experiments:
    """Measure the marker's experiment: `run = llm_experiment()`, then `run.assert_no_regression()`; needs --llem."""
    from pytest_llem.run_hooks import experiments_for  # noqa: PLC0415 - only where a test measures

    return experiments_for(request.node)


@pytest.fixture(scope="session")
def llem_environment() -> EnvironmentSnapshot:
    """This machine and its software, as an `EnvironmentSnapshot` like the one in results; works without --llem."""
    from llenergymeasure._plugin_api import environment  # noqa: PLC0415 - only where a test asks for it

    return environment()
