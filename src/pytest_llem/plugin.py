"""The pytest plugin's entry point. Imports nothing heavy: what measures is loaded when the first item needs it."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llem.options import MARKER, Settings, add_options, settings_of
from pytest_llem.state import STATE, State, state_of

if TYPE_CHECKING:
    from pytest_llem.marks import Plan
    from pytest_llem.meter import EnergyMeter
    from pytest_llem.run import Experiments

SKIPPED = "measures an LLM experiment: run with --llem"
PLAN = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options and ini settings."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hooks of this plugin."""
    pluginmanager.add_hookspecs(import_module("pytest_llem.hooks"))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Accept a candidate instead of running tests, when that is asked for."""
    path = config.getoption("--llem-accept-baseline")
    if path is None:
        return None
    for line in import_module("pytest_llem.accept").accepted(config, settings_of(config), path):
        print(line)  # noqa: T201
    return int(pytest.ExitCode.OK)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, read the settings, and with `--llem` the baselines."""
    config.addinivalue_line("markers", MARKER)
    settings = settings_of(config)
    config.stash[STATE] = State(config, settings)
    if settings.active:
        _refuse_xdist(config)
        config.stash[STATE].baselines = _baselines(settings)
        _check_replay(settings)


def _refuse_xdist(config: pytest.Config) -> None:
    """Experiments side by side would measure each other."""
    workers = getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None)
    if workers or hasattr(config, "workerinput"):
        raise pytest.UsageError("--llem measures one experiment at a time, and xdist runs several: add -n0")


def _baselines(settings: Settings) -> Any:
    reading = import_module("pytest_llem.reading")
    try:
        return import_module("pytest_llem.baselines").read_folder(settings.baseline_dir)
    except reading.BaselineError as error:
        raise pytest.UsageError(str(error)) from error


def _check_replay(settings: Settings) -> None:
    if settings.replay_path is not None:
        replay = import_module("pytest_llem.replay")
        try:
            replay.read_replay(settings.replay_path)
        except replay.ReplayError as error:
            raise pytest.UsageError(f"--llem-energy: {error}") from error


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what will be done, where something will."""
    settings = state_of(config).settings
    if not settings.active:
        return []
    limits = ", ".join(map(str, settings.fail_on))
    what = "dry run" if settings.dry_run else f"energy {settings.energy}, {settings.repeats} repeats, fail on {limits}"
    return [f"llem: {what}"]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a suite with `--llem`, or when it is named."""
    state = state_of(parent.config)
    if not any(map(file_path.match, state.settings.files)):
        return None
    if not state.settings.active and not parent.session.isinitpath(file_path):
        return None
    suite: pytest.Collector = import_module("pytest_llem.suites").SuiteFile.from_parent(parent, path=file_path)
    return suite


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--llem`, experiments are skipped; with it, controls come first."""
    state = state_of(config)
    experiments = [item for item in items if _is_experiment(item)]
    if not experiments:
        return
    if not state.settings.active:
        for item in experiments:
            item.add_marker(pytest.mark.skip(reason=SKIPPED))
        return
    items[:] = import_module("pytest_llem.marks").controls_first(items)


def _is_experiment(item: pytest.Item) -> bool:
    return item.get_closest_marker("llem") is not None or "llm_experiment" in getattr(item, "fixturenames", ())


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Check what an experiment's test asks for. trylast: a test that is skipped anyway is not looked at."""
    state = state_of(item.config)
    if not state.settings.active or not _is_experiment(item):
        return
    plan = _plan(item, state)
    item.stash[PLAN] = plan
    if state.settings.dry_run:
        state.record(item).plan = plan
        pytest.skip("dry run: nothing is measured")


def _plan(item: pytest.Item, state: State) -> Plan:
    marks = import_module("pytest_llem.marks")
    try:
        own = getattr(item, "plan", None)  # an item of a suite knows
        plan: Plan = own() if callable(own) else marks.plan_of(item, state.settings)
    except marks.PlanError as error:
        raise in_words(str(error)) from None
    return plan


def in_words(message: str) -> BaseException:
    """A failure that shows its message and no traceback."""
    return pytest.fail.Exception(message, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """After an experiment's test, the verdicts: in the call phase, as an ordinary failure."""
    state = state_of(item.config)
    try:
        result = yield
        if PLAN in item.stash:
            _settle(item, state)
    finally:
        record = state.records.get(item.nodeid)
        for run in record.runs if record is not None else ():
            if run.files:
                item.user_properties.extend(run.properties())
    return result


def _settle(item: pytest.Item, state: State) -> None:
    if "llm_experiment" in getattr(item, "fixturenames", ()) and not state.record(item).runs:
        pytest.fail("llm_experiment was requested but never called: nothing was measured", pytrace=False)
    if state.record(item).runs:
        import_module("pytest_llem.run").settle(state, item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember how each test ended that measured something."""
    report = yield
    state = state_of(item.config)
    if item.nodeid in state.records and (report.when == "call" or not report.passed):
        record = state.records[item.nodeid]
        record.outcome = "error" if report.failed and report.when != "call" else report.outcome
        record.message = "" if report.passed else _message(report)
    return report


def _message(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr or "")


@pytest.fixture
def energy_meter(request: pytest.FixtureRequest) -> Iterator[EnergyMeter]:
    """The energy of any code: `with energy_meter.window("name") as window: ...`, then `window.energy_j`; works without --llem."""
    state, item = state_of(request.config), request.node
    meter: EnergyMeter = import_module("pytest_llem.meter").EnergyMeter(
        lambda: state.bench, item.nodeid, lambda key, value: item.user_properties.append((key, value))
    )
    state.record(item).meter = meter
    yield meter
    meter.finish()


@pytest.fixture
def llm_experiment(request: pytest.FixtureRequest) -> Experiments:
    """Measure the marker's experiment: `run = llm_experiment()`, then `run.assert_no_regression()`; needs --llem."""
    state, item = state_of(request.config), request.node
    plan = item.stash.get(PLAN, None)
    if plan is None:
        plan = _plan(item, state)
        item.stash[PLAN] = plan
    experiments: Experiments = import_module("pytest_llem.run").Experiments(state, item, plan)
    return experiments


@pytest.fixture(scope="session")
def llem_environment(request: pytest.FixtureRequest) -> Any:
    """This machine and its software, as results describe them (an `EnvironmentSnapshot`); works without --llem."""
    return import_module("llenergymeasure._api").environment()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write what the run found, also after Ctrl-C."""
    state = session.config.stash.get(STATE, None)
    if state is None or not state.settings.active or state.settings.dry_run:
        return
    ended_early = (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR)
    state.outcome = import_module("pytest_llem.finish").finish(state, int(exitstatus), exitstatus not in ended_early)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The section at the end, and what GitHub shows."""
    state = state_of(config)
    if state.settings.dry_run:
        _show(terminalreporter, "llem plan", _planned(state))
        return
    if state.outcome is None:
        return
    _show(terminalreporter, "llem", import_module("pytest_llem.report").section(state, state.outcome))
    github = import_module("pytest_llem.github")
    if github.is_github(os.environ):
        github.write_summary(state, os.environ)
        for command in github.commands(state):
            terminalreporter.write_line(command)


def _planned(state: State) -> list[str]:
    plan = import_module("pytest_llem.plan")
    return [plan.planned(record.plan, state.baselines) for record in state.records.values() if record.plan is not None]


def _show(terminalreporter: pytest.TerminalReporter, title: str, lines: list[str]) -> None:
    if lines:
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of model and meter."""
    state = config.stash.get(STATE, None)
    if state is not None:
        state.close()
