"""A failure as data, to be passed from one process to another."""

from __future__ import annotations

from collections.abc import Mapping

from llenergymeasure.domain.base import Frozen
from llenergymeasure.exceptions import (
    AggregationError,
    BackendError,
    ConfigError,
    ExperimentError,
    Finding,
    LLEMError,
    MeterError,
    OutOfMemory,
    PreFlightError,
    ProcessGroupError,
    ReadingFailed,
    SensorAbsent,
    SensorFault,
    Unanswered,
)

# Errors that consist of their message alone.
_ERRORS = (
    AggregationError, BackendError, ConfigError, MeterError, OutOfMemory, ProcessGroupError, ReadingFailed, SensorAbsent,
    SensorFault, Unanswered,
)  # fmt: skip
_BY_NAME = {error.__name__: error for error in _ERRORS}


class Failure(Frozen):
    """Why a process failed.

    Attributes:
        kind: name of the error's class.
        message: the message of the error.
        findings: problem and fix of each finding of a `PreFlightError`.
        elsewhere: whether the cause is outside this process: another rank failed, or the process was ended from outside.
    """

    kind: str
    message: str
    findings: tuple[tuple[str, str], ...] = ()
    elsewhere: bool = False


def failure_of(error: Exception) -> Failure:
    """An error as data; of an `ExperimentError`, its cause."""
    cause = error.cause if isinstance(error, ExperimentError) else error
    findings = cause.findings if isinstance(cause, PreFlightError) else ()
    return Failure(
        kind=type(cause).__name__,
        message=str(cause) if isinstance(cause, LLEMError) else f"internal error: {type(cause).__name__}: {cause}",
        findings=tuple((finding.problem, finding.fix) for finding in findings),
        elsewhere=isinstance(cause, ProcessGroupError),
    )


def error_of(failure: Failure) -> LLEMError:
    """The error that the data describes."""
    if failure.findings:
        return PreFlightError([Finding(problem, fix) for problem, fix in failure.findings])
    return _BY_NAME.get(failure.kind, LLEMError)(failure.message)


def first_cause(failures: Mapping[int, Failure]) -> tuple[int, Failure] | None:
    """The lowest rank whose failure has its cause in that process, with the failure; None without one."""
    own = {rank: failure for rank, failure in failures.items() if not failure.elsewhere}
    return min(own.items()) if own else None
