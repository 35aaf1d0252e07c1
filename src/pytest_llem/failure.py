"""Fails a test with a message and without a traceback."""

from __future__ import annotations

from typing import Literal, NoReturn

import pytest

Cause = Literal["verdict", "other", "none"]
_CAUSE = "llem_cause"  # an attribute of exceptions and of reports


def fail(message: str) -> NoReturn:
    """Fail the current test."""
    raise failure(message)


def fail_by_verdict(message: str) -> NoReturn:
    """Fail the current test by a verdict: a user may accept its values."""
    error = failure(message)
    setattr(error, _CAUSE, "verdict")
    raise error


def failure(message: str) -> BaseException:
    """The exception that fails the current test."""
    return pytest.fail.Exception(message, pytrace=False)


def note_cause(report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
    """Note in a report why its phase or subtest failed. The note stays when pytest copies the report."""
    error = None if call.excinfo is None else call.excinfo.value
    setattr(report, _CAUSE, "none" if error is None else getattr(error, _CAUSE, "other"))


def cause_of(report: pytest.TestReport) -> Cause:
    """Why a report is one of a failure: by a verdict, by another exception, or by none. Then its subtests failed."""
    return getattr(report, _CAUSE, "other")
