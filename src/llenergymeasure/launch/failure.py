"""A failure that travels from one process to another as data."""

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
    PreFlightError,
    ProcessGroupError,
    ReadingFailed,
    SensorAbsent,
    SensorFault,
)

# What says all that it has to say in its message.
_ERRORS = (
    AggregationError, BackendError, ConfigError, MeterError, ProcessGroupError, ReadingFailed, SensorAbsent, SensorFault,
)  # fmt: skip
_BY_NAME = {error.__name__: error for error in _ERRORS}


class Failure(Frozen):
    """Why a process gave up.

    Attributes:
        kind: name of the error's class.
        message: what happened, with which value, and what to do.
        findings: problem and cure of each finding before the run.
        elsewhere: whether the cause is in another process, or in whoever started this one.
    """

    kind: str
    message: str
    findings: tuple[tuple[str, str], ...] = ()
    elsewhere: bool = False


def failure_of(error: Exception) -> Failure:
    """An error as data; an experiment's failure is its cause."""
    cause = error.cause if isinstance(error, ExperimentError) else error
    findings = cause.findings if isinstance(cause, PreFlightError) else ()
    return Failure(
        kind=type(cause).__name__,
        message=str(cause) if isinstance(cause, LLEMError) else f"internal error: {type(cause).__name__}: {cause}",
        findings=tuple((finding.problem, finding.cure) for finding in findings),
        elsewhere=isinstance(cause, ProcessGroupError),
    )


def error_of(failure: Failure) -> LLEMError:
    """The error again."""
    if failure.findings:
        return PreFlightError([Finding(problem, cure) for problem, cure in failure.findings])
    return _BY_NAME.get(failure.kind, LLEMError)(failure.message)


def first_cause(failures: Mapping[int, Failure]) -> tuple[int, Failure] | None:
    """The lowest rank that gave up for a reason of its own, with the reason; None when none did."""
    own = {rank: failure for rank, failure in failures.items() if not failure.elsewhere}
    return min(own.items()) if own else None
