"""The errors of llenergymeasure.

```
LLEMError
|-- ConfigError                   a configuration, option or argument is not valid
|-- PreFlightError                the experiment is valid, but cannot run on this machine
|-- BackendError                  the inference library failed: loading, generating
|   |-- OutOfMemory               the device or the machine has too little memory for it
|   `-- Unanswered                a server under traffic answered no request, or too few
|-- MeterError                    an energy meter failed
|   |-- SensorAbsent              the machine or device has no such sensor: not a fault
|   |-- ReadingFailed             the sensor exists, but this reading failed
|   `-- SensorFault               the device is lost or must be reset: no further readings
|-- ProcessGroupError             another process of the experiment has ended
|   `-- ProcessFailed             a child process ended, or was ended, without a result
|-- AggregationError              results of several processes cannot be combined
|-- ExperimentError               one experiment failed; with its config and the cause
|-- StudyError                    no run of a study has a result; with the failures
`-- InvalidStateTransitionError   an experiment's state was moved backwards
```

A message states what happened, with which value, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

# A message lists this many problems, and the number of the others: the first lines of a long message scroll away.
MOST_PROBLEMS = 10

# What kind of failure ended an experiment: invalid = the configuration, or this machine for it; timeout = its time limit;
# hung = its process had no heartbeat; killed = by a signal from outside; crash = its process crashed or exited;
# unanswered = the requests to a server failed; error = anything else.
FailureKind = Literal["invalid", "out_of_memory", "timeout", "hung", "killed", "crash", "unanswered", "error"]


class LLEMError(Exception):
    """Base of every error that llenergymeasure raises on purpose.

    Attributes:
        failure_kind: what kind of failure it is.
    """

    failure_kind: FailureKind = "error"


class ConfigError(LLEMError):
    """A configuration file, an option or an argument is not valid.

    Attributes:
        problem: what is wrong, with which value.
        fix: what to do; empty where the problem states it.
        source: the file or other text with the problem; empty where the problem names it, or there is none.
        line, column: position in the source, from 1; None where not known.
        problems: the single problems, when there are several.
    """

    failure_kind = "invalid"

    def __init__(
        self,
        problem: str,
        fix: str = "",
        *,
        source: str = "",
        line: int | None = None,
        column: int | None = None,
        problems: Sequence[ConfigError] = (),
    ) -> None:
        self.problem, self.fix = problem, fix
        self.source, self.line, self.column = source, line, column
        self.problems = tuple(problems)
        super().__init__(_sentence(self.located, fix))

    @property
    def located(self) -> str:
        """The problem with its position, without the fix."""
        return self._located_in(self.source)

    def _located_in(self, source: str) -> str:
        numbers = {"line": self.line, "column": self.column}
        place = [source, *(f"{name} {number}" for name, number in numbers.items() if number is not None)]
        return f"{', '.join(filter(None, place))}: {self.problem}" if any(place) else self.problem

    def named(self, source: str) -> ConfigError:
        """The same error with another name for its source; unchanged without a source."""
        if not self.source:
            return self
        return ConfigError(self.problem, self.fix, source=source, line=self.line, column=self.column)

    @classmethod
    def of(cls, problems: Sequence[ConfigError], source: str) -> ConfigError:
        """One error for all problems of a source: the single problem, or a heading with a line for each of the first."""
        if len(problems) == 1:
            return problems[0]
        lines = [
            _sentence(each._located_in("" if each.source == source else each.source), each.fix) for each in problems
        ]
        where = f" in {source}" if any(each.source == source for each in problems) else ""
        return cls("\n".join([f"{len(problems)} problems{where}", *listed(lines)]), problems=problems)


def listed(lines: Sequence[str]) -> list[str]:
    """A list of the first lines, and the number of the others."""
    others = len(lines) - MOST_PROBLEMS
    return [f"- {line}" for line in lines[:MOST_PROBLEMS]] + ([f"- and {others} more"] if others > 0 else [])


def _sentence(problem: str, fix: str) -> str:
    return f"{problem}; {fix}" if fix else problem


@dataclass(frozen=True)
class Finding:
    """One reason why an experiment cannot run on this machine, and its exact fix."""

    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.problem}\n  fix: {self.fix}"


class PreFlightError(LLEMError):
    """The experiment cannot run on this machine. All problems found before the run are reported together.

    Attributes:
        findings: at least one finding, in the order of the checks.
    """

    failure_kind = "invalid"

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        head = f"{count} problem{'s' if count != 1 else ''} found before the run; nothing was started"
        lines = [f"{i}. {finding}" for i, finding in enumerate(self.findings[:MOST_PROBLEMS], 1)]
        others = [f"and {count - MOST_PROBLEMS} more"] if count > MOST_PROBLEMS else []
        super().__init__("\n".join([head, *lines, *others]))


class BackendError(LLEMError):
    """The inference library could not load the model or generate with it."""


class OutOfMemory(BackendError):
    """The device or the machine has too little memory for the experiment."""

    failure_kind = "out_of_memory"


class Unanswered(BackendError):
    """A server under traffic answered no request, or too few, although it may still run: it is overloaded.

    Attributes:
        may_pass: whether the same request may be answered if it is sent again; false after a long wait for the answer.
    """

    failure_kind = "unanswered"

    def __init__(self, message: str, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class MeterError(LLEMError):
    """An energy meter or a sensor failed."""


class SensorAbsent(MeterError):
    """The machine or device has no such sensor. This is not a fault."""


class ReadingFailed(MeterError):
    """This reading of an existing sensor failed; the next one may work."""


class SensorFault(MeterError):
    """The device is lost, must be reset, or its driver does not match; there will be no further readings."""


class ProcessGroupError(LLEMError):
    """Another process of the same experiment has ended."""


class ProcessFailed(ProcessGroupError):
    """A child process of an experiment ended, or was ended, without a result.

    Attributes:
        failure_kind: why.
        exit_code: its exit code, 128 + the signal for a killed process; None when it was still running.
    """

    def __init__(self, message: str, failure_kind: FailureKind, exit_code: int | None = None) -> None:
        self.failure_kind, self.exit_code = failure_kind, exit_code
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.failure_kind, self.exit_code)


class AggregationError(LLEMError):
    """Results of several processes are missing, damaged or different, and are not combined."""


class Configuration(Protocol):
    """The part of `ExperimentConfig` that an error uses; this module may not import the configuration."""

    @property
    def model(self) -> str:
        """Id or path of the model."""
        ...


class ExperimentError(LLEMError):
    """One experiment failed.

    Attributes:
        config: the `ExperimentConfig` of the experiment.
        cause: the original error.
        output: the last lines that its process wrote; empty when it ran in this process.
    """

    def __init__(self, config: Configuration, cause: BaseException, output: Sequence[str] = ()) -> None:
        self.config = config
        self.cause = cause
        self.output = tuple(output)
        self.failure_kind = cause.failure_kind if isinstance(cause, LLEMError) else "error"
        super().__init__(f"experiment with {config.model} failed: {cause}")

    @property
    def cause_for_user(self) -> Exception:
        """The error to show: the findings before the run, or else this error, which names its experiment."""
        return self.cause if isinstance(self.cause, PreFlightError) else self


class StudyError(LLEMError):
    """No run of a study has a result. A study with some results is returned, with its failed runs.

    Attributes:
        failed: one `ExperimentError` per failed run.
        succeeded: results of other runs; empty when a study raises the error.
    """

    def __init__(self, failed: Sequence[ExperimentError], succeeded: Sequence[Any]) -> None:
        self.failed = tuple(failed)
        self.succeeded = tuple(succeeded)
        total = len(self.failed) + len(self.succeeded)
        head = f"{len(self.failed)} of {total} experiments failed"
        super().__init__("\n".join([head, *listed([str(error) for error in self.failed])]))


class InvalidStateTransitionError(LLEMError):
    """An experiment's state can only move forward."""
