"""When what happened in a run, in seconds from the start of its window."""

from __future__ import annotations

from pydantic import Field

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.sensors import PowerTrace


class RunPhase(Frozen):
    """One phase of a run: idle, load, warmup, floor, ramp_up (traffic before the window), meter (its opening), window or drain."""

    name: str
    start_s: float = Field(description="Seconds from the start of the window; negative before it.")
    end_s: float = Field(description="Seconds from the start of the window.")


class BatchTimes(Frozen):
    """One batch of the window, in seconds from the window's start."""

    start_s: float
    first_token_s: float | None = Field(None, description="End of prefill; None when steps were not recorded.")
    end_s: float


class RunningRequests(Frozen):
    """Mean numbers of requests in equal parts of the window, in order."""

    part_s: float = Field(description="Length of a part in s.")
    queued: tuple[float, ...] = Field(
        (), description="Requests in the queue; empty when it is not recorded, and for a server."
    )
    prefill: tuple[float, ...] = Field(
        (),
        description="Requests in prefill; empty when the backend does not report the time of a first token, and for a server.",
    )
    running: tuple[float, ...] = Field(
        description="Requests that the engine worked on, in prefill or in decode; of a server, those in flight."
    )


class Timeline(Frozen):
    """Times of each phase of the run, and the work of the window."""

    phases: tuple[RunPhase, ...] = Field(
        (),
        description="From the start of the experiment to the end of the window, or of the traffic after it (drain).",
    )
    batches: tuple[BatchTimes, ...] = Field(
        (), description="In the order in which they ran; empty for an engine without static batches."
    )
    running: RunningRequests | None = Field(
        None, description="Number of requests at the same time, over the window; None for static batches."
    )
    outside: tuple[PowerTrace, ...] = Field(
        (), description="Power of each GPU before and after the window; empty without sensors."
    )
