"""The hooks that are registered only with `--llem`."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from llenergymeasure._format import printable
from pytest_llem.failure import failure, note_cause
from pytest_llem.hooks.requests import requests
from pytest_llem.marker import NAME, Plan, PlanError, merged_arguments, plan_of
from pytest_llem.options import is_experiment, may_have_windows
from pytest_llem.stash import STATE, State, state_of
from pytest_llem.suites import SuiteFile

if TYPE_CHECKING:
    from pytest_llem.llm_experiment import Experiments
    from pytest_llem.report.updates import Finished

PLAN: pytest.StashKey[Plan] = pytest.StashKey()
FINISHED: pytest.StashKey[Finished] = pytest.StashKey()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Show the meter, repeats and limits of this run."""
    settings = state_of(config).settings
    if not settings.active:
        return []
    limits = ", ".join(map(str, settings.fail_on))
    what = "dry run" if settings.dry_run else f"energy {settings.energy}, {settings.repeats} repeats, fail on {limits}"
    return [f"llem: {what}"]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Record a suite or a module that cannot be collected: its experiments are missing from the run."""
    report = yield
    if report.failed and isinstance(collector, (SuiteFile, pytest.Module)):
        state = state_of(collector.config)
        record = state.records[collector.nodeid] = state.new_record(collector.nodeid, collector.path, 1)
        record.outcome, record.message, record.crash = "error", str(report.longrepr), str(report.longrepr)
    return report


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Check the plan of a test with an experiment. trylast: a test that is skipped is not checked."""
    state = state_of(item.config)
    if not is_experiment(item):
        return
    plan = _plan(item, state)
    item.stash[PLAN] = plan
    if state.settings.dry_run:
        if not _only_has_windows(item):
            from pytest_llem.measure import user_hooks  # noqa: PLC0415 - only in a dry run

            config = None if plan.config is None else user_hooks.modified(item, plan.config)
            state.record(item).plan = replace(plan, config=config)
        pytest.skip("dry run: nothing is measured")


def _plan(item: pytest.Item, state: State) -> Plan:
    try:
        _refuse_for_windows(item)
        own = getattr(item, "plan", None)  # an item of a suite has its own plan
        plan: Plan = own() if callable(own) else plan_of(item, state.settings)
    except PlanError as error:
        raise failure(str(error)) from None
    return plan


def _refuse_for_windows(item: pytest.Item) -> None:
    """Refuse arguments of the mark of a test that only has windows: they belong to experiments and would be ignored.

    Raises:
        PlanError: there are such arguments.
    """
    if not _only_has_windows(item):
        return
    arguments = merged_arguments(item)
    own = [name for mark in _own_marks(item) for name in (*(["config"] if mark.args else []), *mark.kwargs)]
    if own:
        fix = "write energy_meter.window(..., gate=..., repeats=...), or request llm_experiment"
        raise PlanError(
            f"{arguments[own[0]].place}: llem: {', '.join(own)}: its windows do not use these arguments: {fix}"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Judge the experiments after their test, in the call phase: a failure looks like any other failure."""
    state = state_of(item.config)
    try:
        result = yield
        if PLAN in item.stash or (item.nodeid in state.records and state.records[item.nodeid].runs):
            _settle(item, state)
    finally:
        runs = state.records[item.nodeid].runs if item.nodeid in state.records else []
        for run in runs:
            if run.measured:
                run.conclude()
                state.add_properties(item, run.properties(among_several=len(runs) > 1))
    return result


def _settle(item: pytest.Item, state: State) -> None:
    record = state.record(item)
    if record.runs:
        from pytest_llem.settle import settle  # noqa: PLC0415 - heavy, when something was measured

        settle(state, item)
    elif requests(item, "llm_experiment") or (_own_marks(item) and _uses_experiments(item)):
        pytest.fail("llm_experiment was requested but never called: nothing was measured", pytrace=False)
    elif record.meter is None and _own_marks(item) and not _uses_experiments(item):
        pytest.fail("marked llem, but does not use llm_experiment: nothing was measured", pytrace=False)


def _uses_experiments(item: pytest.Item) -> bool:
    """Whether the fixture is there, if only for an autouse fixture."""
    return "llm_experiment" in getattr(item, "fixturenames", ())


def _only_has_windows(item: pytest.Item) -> bool:
    return may_have_windows(item) and not _uses_experiments(item)


def _own_marks(item: pytest.Item) -> list[pytest.Mark]:
    """The marks on the test itself; a mark of a class, a module or a conftest may be for other tests."""
    marks = [
        *getattr(getattr(item, "obj", None), "pytestmark", ()),
        *getattr(getattr(item, "callspec", None), "marks", ()),
    ]
    return [mark for mark in marks if mark.name == NAME]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note in the reports of tests and subtests whether a verdict failed them."""
    report = yield
    note_cause(report, call)
    return report


def experiments_for(item: pytest.Item) -> Experiments:
    """The value of the `llm_experiment` fixture."""
    from pytest_llem.llm_experiment import Experiments  # noqa: PLC0415 - heavy, when something is measured

    state = state_of(item.config)
    if PLAN not in item.stash:
        item.stash[PLAN] = _plan(item, state)
    return Experiments(state, item, item.stash[PLAN])


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Write the reports of the run after all other plugins, also when one of them crashes or is interrupted."""
    state = session.config.stash.get(STATE, None)
    try:
        result = yield
    except BaseException:
        if state is not None:
            state.progress.interrupted = True
        raise
    finally:
        if state is not None and not state.settings.dry_run:
            _finish_once(session, state)
    return result


def _finish_once(session: pytest.Session, state: State) -> None:
    """Finish the run. After Ctrl-C in the middle, the report still says that the run is incomplete."""
    try:
        _finish(session, state)
    except KeyboardInterrupt:
        state.progress.interrupted = True
        _finish(session, state)
        raise


def _finish(session: pytest.Session, state: State) -> None:
    from pytest_llem.report.session import final_exit_code, finish  # noqa: PLC0415 - heavy, at the end of a run

    done = session.config.stash[FINISHED] = finish(state, int(session.exitstatus), os.environ)
    session.exitstatus = final_exit_code(done, int(session.exitstatus))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the terminal section, and the summary and annotations for GitHub."""
    state = state_of(config)
    if state.settings.dry_run:
        _show(terminalreporter, "llem plan", _planned(state))
        return
    if FINISHED not in config.stash:
        return
    from pytest_llem.report import github, terminal  # noqa: PLC0415 - heavy, at the end of a run

    done = config.stash[FINISHED]
    _show(terminalreporter, "llem", terminal.section(state, done))
    if github.is_github(os.environ):
        for command in github.commands(state, os.environ, done.problems):
            terminalreporter.write_line(command)


def _planned(state: State) -> list[str]:
    from pytest_llem.baseline.claims import listed  # noqa: PLC0415 - only in a dry run
    from pytest_llem.report.dry_run import planned  # noqa: PLC0415 - the same

    plans = [record.plan for record in state.records.values() if record.plan is not None]
    unclaimed = list(state.claims.unclaimed(state.config, state.baselines.files.items()))
    return [
        *(planned(plan, state.baselines, state.baseline_folder) for plan in plans),
        *listed(unclaimed, state.shown),
    ]


def _show(terminalreporter: pytest.TerminalReporter, title: str, lines: list[str]) -> None:
    """Write lines; control characters, such as in the name of a model, are shown escaped."""
    if lines:
        terminalreporter.write_sep("=", title)
        for line in lines:
            terminalreporter.write_line(printable(line))
