"""The errors of llenergymeasure.

```
LLEMError
|-- ConfigError                   what the user asked for cannot be understood
|-- PreFlightError                it is understood, but cannot run on this machine
|-- BackendError                  the inference library failed: loading, generating, out of memory
|-- MeterError                    an energy meter failed
|   |-- SensorAbsent              there is no such sensor here: not a fault
|   |-- ReadingFailed             the sensor is there, this reading did not work
|   `-- SensorFault               the device is lost or must be reset: nothing more will come
|-- ProcessGroupError                     another process of the experiment is gone
|-- AggregationError              results of several processes cannot be combined
|-- ExperimentError               one experiment failed; carries its config and the cause
|-- StudyError                    some experiments of a study failed; carries both lists
`-- InvalidStateTransitionError   an experiment's state was moved backwards
```

A message says what happened, with which value, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class LLEMError(Exception):
    """Base of every error that llenergymeasure raises on purpose."""


class ConfigError(LLEMError):
    """A configuration file, an option or an argument cannot be understood.

    Attributes:
        problem: what is wrong, with which value.
        cure: what to do; empty where the problem says it.
        source: the file or other text that the problem is in; empty where the problem names it, or there is none.
        line, column: where in it, from 1; None where that is not known.
        problems: each by itself, when there are several.
    """

    def __init__(
        self,
        problem: str,
        cure: str = "",
        *,
        source: str = "",
        line: int | None = None,
        column: int | None = None,
        problems: Sequence[ConfigError] = (),
    ) -> None:
        self.problem, self.cure = problem, cure
        self.source, self.line, self.column = source, line, column
        self.problems = tuple(problems)
        super().__init__(_sentence(self.located, cure))

    @property
    def located(self) -> str:
        """The problem with its place, without the cure."""
        return self._located_in(self.source)

    def _located_in(self, source: str) -> str:
        numbers = {"line": self.line, "column": self.column}
        place = [source, *(f"{name} {number}" for name, number in numbers.items() if number is not None)]
        return f"{', '.join(filter(None, place))}: {self.problem}" if any(place) else self.problem

    def named(self, source: str) -> ConfigError:
        """The same with another name for its source; itself where it has none."""
        if not self.source:
            return self
        return ConfigError(self.problem, self.cure, source=source, line=self.line, column=self.column)

    @classmethod
    def of(cls, problems: Sequence[ConfigError], source: str) -> ConfigError:
        """One error of at least one problem in one source: that problem, or a head with a line for each."""
        if len(problems) == 1:
            return problems[0]
        lines = [f"- {_sentence(each._located_in(''), each.cure)}" for each in problems]
        return cls("\n".join([f"{len(problems)} problems in {source}", *lines]), problems=problems)


def _sentence(problem: str, cure: str) -> str:
    return f"{problem}; {cure}" if cure else problem


@dataclass(frozen=True)
class Finding:
    """One reason why an experiment cannot run here, and the exact cure."""

    problem: str
    cure: str

    def __str__(self) -> str:
        return f"{self.problem}\n  cure: {self.cure}"


class PreFlightError(LLEMError):
    """Everything found before the run that would make it fail, all at once.

    Attributes:
        findings: at least one finding, in the order of the checks.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        head = f"{count} problem{'s' if count != 1 else ''} found before the run; nothing was started"
        super().__init__("\n".join([head, *(f"{i}. {finding}" for i, finding in enumerate(self.findings, 1))]))


class BackendError(LLEMError):
    """The inference library could not load the model or generate with it."""


class MeterError(LLEMError):
    """An energy meter or a sensor did not deliver."""


class SensorAbsent(MeterError):
    """There is no such sensor on this machine or device. Not a fault."""


class ReadingFailed(MeterError):
    """A sensor that exists failed to deliver this reading; the next one may work."""


class SensorFault(MeterError):
    """The device is lost, must be reset, or its driver does not match: no reading will come."""


class ProcessGroupError(LLEMError):
    """Another process of the same experiment is gone."""


class AggregationError(LLEMError):
    """Results of several processes are missing, damaged or unlike, and are not combined."""


class Configuration(Protocol):
    """What an error needs of an `ExperimentConfig`; this module stands below the configuration."""

    @property
    def model(self) -> str:
        """Id or place of the model."""
        ...


class ExperimentError(LLEMError):
    """One experiment failed.

    Attributes:
        config: the `ExperimentConfig` of the experiment.
        cause: what went wrong.
    """

    def __init__(self, config: Configuration, cause: BaseException) -> None:
        self.config = config
        self.cause = cause
        super().__init__(f"experiment with {config.model} failed: {cause}")

    @property
    def cause_for_user(self) -> Exception:
        """Findings before the run speak for themselves; anything else names its experiment."""
        return self.cause if isinstance(self.cause, PreFlightError) else self


class StudyError(LLEMError):
    """Some experiments of a study failed.

    Attributes:
        failed: one `ExperimentError` per failed experiment.
        succeeded: the results of the others.
    """

    def __init__(self, failed: Sequence[ExperimentError], succeeded: Sequence[Any]) -> None:
        self.failed = tuple(failed)
        self.succeeded = tuple(succeeded)
        total = len(self.failed) + len(self.succeeded)
        lines = [f"{len(self.failed)} of {total} experiments failed", *(f"- {error}" for error in self.failed)]
        super().__init__("\n".join(lines))


class InvalidStateTransitionError(LLEMError):
    """An experiment's state can only move forward."""
