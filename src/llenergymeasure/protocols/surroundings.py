"""The protocols of what surrounds a measurement: clock, sampler, other processes, and the place of results."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from llenergymeasure.records import Saved, Trace

if TYPE_CHECKING:
    from llenergymeasure.domain.results import ExperimentResult


@runtime_checkable
class Clock(Protocol):
    """The clock of a measurement; tests replace it so that they need not wait."""

    def now(self) -> float:
        """Monotonic seconds."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def utc_now(self) -> datetime:
        """The wall-clock time, with its time zone (UTC)."""

    def cpu_seconds(self) -> float:
        """User and system time used so far by this process and its finished children."""


@runtime_checkable
class Sampler(Protocol):
    """Samples the devices during the whole experiment; `open_devices` starts and stops it."""

    def trace(self, start_s: float, end_s: float, opened_s: float | None = None) -> Trace | None:
        """The data from `start_s` to `end_s`, and the power outside it since `opened_s`; None without sensors."""


@runtime_checkable
class ProcessGroup(Protocol):
    """The processes that measure one experiment in parallel, from the view of one of them."""

    @property
    def rank(self) -> int:
        """This process's number, from 0."""

    @property
    def size(self) -> int:
        """Number of processes."""

    def barrier(self) -> None:
        """Return when every process has called this.

        Raises:
            ProcessGroupError: a process has ended.
        """

    def share(self, text: str) -> str:
        """What rank 0 says, on every rank; it fails as `barrier` does."""


@runtime_checkable
class ResultsRepository(Protocol):
    """Saves and loads results."""

    def save(self, result: ExperimentResult) -> Saved:
        """Save a result, never overwriting another."""

    def load(self, place: Path) -> ExperimentResult:
        """Read a saved result."""
