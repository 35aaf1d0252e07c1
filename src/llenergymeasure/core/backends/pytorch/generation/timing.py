"""The time at which each step's tokens were ready, recorded inside `generate` without waiting for the device.

On CUDA an event is recorded in the stream and read after the window; on the CPU a time stamp is taken.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import StoppingCriteria

from llenergymeasure.protocols import Clock


class StepTimer(StoppingCriteria):  # type: ignore[misc]
    """A stopping criterion that never stops. `generate` calls it once per step, after the new tokens are appended."""

    def __init__(self, clock: Clock, on_cuda: bool) -> None:
        self._clock = clock
        self._on_cuda = on_cuda
        self.marks: list[Any] = []
        self.lengths: list[int] = []

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> bool:
        self.marks.append(_recorded_event() if self._on_cuda else self._clock.now())
        self.lengths.append(input_ids.shape[1])
        return False


class Anchor:
    """One moment on both clocks, that of the device and that of the host. It is taken while the device is idle."""

    def __init__(self, clock: Clock, on_cuda: bool) -> None:
        self._event = _recorded_event() if on_cuda else None
        self._host_s = clock.now()

    def host_times(self, marks: list[Any]) -> tuple[float, ...]:
        """The marks of a timer in seconds on the host's clock. Call it when the device is idle."""
        if self._event is None:
            return tuple(marks)
        return tuple(self._host_s + self._event.elapsed_time(mark) / 1000 for mark in marks)


def _recorded_event() -> Any:
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event
