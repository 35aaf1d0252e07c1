"""What the reports show of a test: its newest attempt, with all that it measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llem.failure import cause_of

if TYPE_CHECKING:
    from pytest_llem.marker import Plan
    from pytest_llem.measure.energy_meter import EnergyMeter
    from pytest_llem.measure.judged import Judged

_FAILED = ("failed", "error")


@dataclass
class Record:
    """The newest attempt of one test. Plugins that run a failed test again make further attempts.

    Attributes:
        test: node id.
        path, line: where the test is; lines count from 1.
        file: the path as reports show it.
        attempt: its number, from 1.
        called: whether the test function has started.
        outcome: passed, failed, skipped or error; None until the test has ended.
        message: why the test did not pass; empty when it passed.
        crash: the message of the exception alone, without the traceback.
        failed_otherwise: whether anything but a verdict failed it.
        properties: that this plugin has added to the test.
    """

    test: str
    path: Path
    file: str
    line: int
    attempt: int = 1
    called: bool = False
    outcome: str | None = None
    message: str = ""
    crash: str = ""
    failed_otherwise: bool = False
    plan: Plan | None = None
    runs: list[Judged] = field(default_factory=list)
    meter: EnergyMeter | None = None
    properties: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def gate_failed(self) -> bool:
        """Whether a verdict failed the test."""
        return any(run.gate_failed for run in self.runs)

    @property
    def has_measured(self) -> bool:
        """Whether an experiment or a window of the test was measured."""
        windows = [] if self.meter is None else self.meter.windows
        return any(run.measured for run in self.runs) or any(window.energy_j is not None for window in windows)

    @property
    def passed(self) -> bool:
        """Whether the test passed and no verdict failed it: a test may catch the failure of a verdict."""
        return self.outcome == "passed" and not self.gate_failed

    @property
    def acceptable(self) -> bool:
        """Whether a user may accept its values: the test passed, or nothing but a verdict failed it."""
        return self.passed or (self.gate_failed and not self.failed_otherwise)

    @property
    def red_otherwise(self) -> bool:
        """Whether the test failed, or did not end, and no verdict is the whole reason."""
        return self.is_red and (self.outcome is None or self.failed_otherwise or not self.gate_failed)

    @property
    def is_red(self) -> bool:
        """Whether the test failed, or did not end."""
        return self.outcome is None or self.outcome in _FAILED

    @property
    def cause(self) -> str:
        """Why the test is red."""
        return "interrupted: the run ended before the test did" if self.outcome is None else self.crash

    def add_report(self, report: pytest.TestReport) -> None:
        """Add a report of a phase or of a subtest. A failure stays, whatever passes after it."""
        cause = cause_of(report)
        if report.failed and (cause == "other" or (cause == "none" and self.outcome not in _FAILED)):
            self.failed_otherwise = True
        if self.outcome in _FAILED or (report.passed and report.when != "call"):
            return
        self.outcome = "error" if report.failed and report.when != "call" else report.outcome
        self.message = "" if report.passed else _message(report)
        self.crash = self.message and _crash(report)

    def next_attempt(self) -> Record:
        """The record of a further attempt, to which nothing of this one belongs. It may have the same meter."""
        if self.meter is not None:
            self.meter.forget()
        return Record(self.test, self.path, self.file, self.line, self.attempt + 1, meter=self.meter)


def _crash(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return _message(report) if crash is None else str(crash.message)


def _message(report: pytest.TestReport) -> str:
    expected = getattr(report, "wasxfail", None)
    if expected is not None and report.skipped:
        return f"expected failure: {expected}"
    longrepr = report.longrepr
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr or "")
