"""Ends a run: writes the baselines and the reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from pytest_llem.report.github import write_summary
from pytest_llem.report.json_report import session_report, write_json
from pytest_llem.report.updates import Finished, write_baselines
from pytest_llem.stash import State

# Exit codes of pytest for a run that did not come to its end.
_ENDED_EARLY = (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR)


def finish(state: State, exit_code: int, environ: Mapping[str, str]) -> Finished:
    """Write every file that the options and the environment request. What cannot be written is a problem; the rest is written."""
    done = Finished(complete=state.progress.complete and exit_code not in _ENDED_EARLY, problems=state.file_problems)
    write_baselines(state, done)
    if state.settings.strict and state.progress.started:
        done.problems.extend(f"--llem-strict: {problem}" for problem in _vanished(state, done))
    with _noted(done, "the step summary of GitHub"):
        write_summary(state, environ)
    path = state.settings.json_path
    if path is not None:
        with _noted(done, f"--llem-json: {path}"):
            write_json(path, session_report(state, done, final_exit_code(done, exit_code)))
    return done


def _vanished(state: State, done: Finished) -> Iterator[str]:
    """Why a run without a failure would not mean that its gate held."""
    if not done.complete:
        yield "the run ended before all of its tests did"
    if not any(record.has_measured for record in state.records.values()):
        yield "nothing was measured"
    if done.unclaimed:
        yield f"baselines without a collected test: {len(done.unclaimed)}; restore the tests, or remove the entries"


@contextmanager
def _noted(done: Finished, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        done.problems.append(f"{what} cannot be written: {error.strerror or error}")


def final_exit_code(done: Finished, exit_code: int) -> int:
    """The exit code of the run: it does not succeed when something that was requested was not done."""
    return int(pytest.ExitCode.TESTS_FAILED) if done.problems and exit_code == pytest.ExitCode.OK else exit_code
