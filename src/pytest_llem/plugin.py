"""The pytest plugin's entry point: small, because every pytest run reads it. PYTEST_DONT_REWRITE

What a run with `--llem` needs besides is in `session`; what measures is loaded when the first item needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llem.options import FILES, MARKER, add_options, is_untouched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_llem.measure.energy_meter import EnergyMeter
    from pytest_llem.measure.experiment import Experiments
    from pytest_llem.stash import State

SKIPPED = "measures an LLM experiment: run with --llem"
STATE: pytest.StashKey[State] = pytest.StashKey()


def state_of(config: pytest.Config) -> State:
    """The state of this run, made when first asked for."""
    if STATE not in config.stash:
        config.stash[STATE] = import_module("pytest_llem.stash").make_state(config)
    return config.stash[STATE]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options and ini settings."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hooks of this plugin."""
    pluginmanager.add_hookspecs(import_module("pytest_llem.hookspec"))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Accept a candidate instead of running tests, when that is asked for."""
    path = config.getoption("--llem-accept-baseline")
    return None if path is None else int(import_module("pytest_llem.baseline.accept").main(config, path))


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; check what was set, and with `--llem` bring in the rest of the hooks."""
    config.addinivalue_line("markers", MARKER)
    if not is_untouched(config) and state_of(config).settings.active:
        config.pluginmanager.register(import_module("pytest_llem.run_hooks"), "llem-session")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a suite with `--llem`, or when it is named."""
    patterns = parent.config.getini("llem_files") or FILES.split()
    if not any(map(file_path.match, patterns)):
        return None
    if not is_active(parent.config) and not parent.session.isinitpath(file_path):
        return None
    suite: pytest.Collector = import_module("pytest_llem.suites").SuiteFile.from_parent(parent, path=file_path)
    return suite


def is_active(config: pytest.Config) -> bool:
    """Whether experiments are measured or planned."""
    return bool(config.getoption("--llem") or config.getoption("--llem-dry-run"))


def is_experiment(item: pytest.Item) -> bool:
    """Whether a test measures an experiment."""
    return item.get_closest_marker("llem") is not None or "llm_experiment" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--llem`, experiments are skipped."""
    if not is_active(config):
        skip = pytest.mark.skip(reason=SKIPPED)
        for item in filter(is_experiment, items):
            item.add_marker(skip)


@pytest.fixture
def energy_meter(request: pytest.FixtureRequest) -> Iterator[EnergyMeter]:
    """The energy of any code: `with energy_meter.window("name") as window: ...`, then `window.energy_j`; works without --llem."""
    state = state_of(request.config)
    meter: EnergyMeter = import_module("pytest_llem.measure.energy_meter").meter_for(state, request.node)
    yield meter
    meter.finish()


@pytest.fixture
def llm_experiment(request: pytest.FixtureRequest) -> Experiments:
    """Measure the marker's experiment: `run = llm_experiment()`, then `run.assert_no_regression()`; needs --llem."""
    experiments: Experiments = import_module("pytest_llem.run_hooks").experiments_for(
        state_of(request.config), request.node
    )
    return experiments


@pytest.fixture(scope="session")
def llem_environment() -> Any:
    """This machine and its software, as results describe them (an `EnvironmentSnapshot`); works without --llem."""
    return import_module("llenergymeasure._plugin_api").environment()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of model and meter."""
    if STATE in config.stash:
        config.stash[STATE].close()
