"""The measured window, and what makes blocks of a result from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from llenergymeasure.domain.base import Frozen
from llenergymeasure.protocols.engine import InferenceEngine
from llenergymeasure.records import BatchRecord, RequestRecord, RunRecords

if TYPE_CHECKING:
    from llenergymeasure.config.models import ExperimentConfig


@dataclass(frozen=True)
class Window:
    """The measured window: the work, in one or more passes, and its edges. Counts of prompts are those of one pass.

    `ramp_up_s` and `drain_s` are the durations in s of a server's traffic before and after the window; None without them.
    """

    start_s: float
    end_s: float
    cpu_seconds: float
    passes: tuple[RunRecords, ...]
    config: ExperimentConfig
    engine: InferenceEngine
    truncated_prompts: int = 0
    shapes_were_met: bool = False
    double_bos_prompts: int = 0
    ramp_up_s: float | None = None
    drain_s: float | None = None

    @cached_property
    def requests(self) -> tuple[RequestRecord, ...]:
        """The requests of all passes, one pass after the other."""
        return tuple(request for one in self.passes for request in one.requests)

    @cached_property
    def batches(self) -> tuple[BatchRecord, ...]:
        """The static batches of all passes, one pass after the other; empty for an engine without them."""
        return tuple(batch for one in self.passes for batch in one.batches)

    @property
    def is_of_server(self) -> bool:
        """Whether the work was done by a server, whose requests are seen from outside."""
        return any(one.traffic is not None for one in self.passes)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@runtime_checkable
class MetricsCollector(Protocol):
    """Makes one block of the result from a window."""

    @property
    def block(self) -> str:
        """The field of `ExperimentResult` that it fills."""

    def arm(self, engine: InferenceEngine) -> None:
        """Called right before the work starts."""

    def stop(self, engine: InferenceEngine) -> None:
        """Called right after the work ended, before anything else uses time or memory."""

    def collect(self, window: Window) -> Frozen | None:
        """The block, from a closed window with its output on the host; None when an optional block was not measured."""
