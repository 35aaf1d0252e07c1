"""Measures the window, which contains only the work.

```
collect garbage . device idle . open meter . arm . (barrier) . t0 -- engine.run . (barrier) -- t1 . stop . close meter
                                                                     again until the shortest duration has passed
```

`engine.run` returns when the device is idle, so time and energy share both edges. Processes that measure the same
experiment open and close their windows together: the time in which a device waits for the slowest process is part of
the experiment. Collectors are armed and stopped at the edges, so that they record neither the meter's own work nor the
copy of the output to the host.

The window of a server under traffic lies inside the traffic: it begins before the meter opens and ends after it has closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from llenergymeasure.core.energy.check_reading import check_reading
from llenergymeasure.core.gc_control import collect_garbage, without_garbage_collection
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.exceptions import MeterError
from llenergymeasure.protocols import (
    Batch,
    Clock,
    EnergyBackend,
    InferenceEngine,
    MetricsCollector,
    OpenWindow,
    ProcessGroup,
    RunOutput,
    TrafficEngine,
)

# What rank 0 says to the others when another pass follows; nothing when none does.
_AGAIN = "again"


class Alone:
    """The process group of a single process."""

    rank = 0
    size = 1

    def barrier(self) -> None:
        """Return at once."""

    def share(self, text: str) -> str:
        """The text."""
        return text


@dataclass(frozen=True)
class RawWindow:
    """The window before evaluation: edges, energy reading, and the output of each pass, still on the device.

    `ramp_up_s` and `drain_s` are as in `Window`.
    """

    start_s: float
    end_s: float
    cpu_seconds: float
    reading: EnergyReading
    passes: tuple[RunOutput, ...]
    ramp_up_s: float | None = None
    drain_s: float | None = None


def measure_window(
    engine: InferenceEngine,
    batches: Sequence[Batch],
    meter: EnergyBackend,
    clock: Clock,
    process_group: ProcessGroup | None = None,
    collectors: Sequence[MetricsCollector] = (),
    min_duration_s: float | None = None,
) -> RawWindow:
    """Run the engine on the batches and measure it.

    With `min_duration_s` the batches are run in whole passes until the window has lasted that long.

    A meter that fails gives a reading without joules and with the reason; the other quantities are still measured.

    Raises:
        BackendError: the engine failed.
        ProcessGroupError: another process of the experiment has ended.
    """
    together = process_group or Alone()
    collect_garbage()
    with without_garbage_collection(), _traffic(engine, batches, clock) as around:
        engine.synchronise()
        measurement = _open(meter)
        try:
            for collector in collectors:
                collector.arm(engine)
            together.barrier()
            cpu_start = clock.cpu_seconds()
            start_s = clock.now()
            passes = tuple(_passes(engine, batches, clock, together, start_s, min_duration_s))
            together.barrier()
            end_s = clock.now()
            cpu_seconds = clock.cpu_seconds() - cpu_start
            for collector in collectors:
                collector.stop(engine)
            reading = _close(meter, measurement, start_s, end_s)
        finally:
            if not isinstance(measurement, EnergyReading):
                measurement.abandon()
    return RawWindow(start_s, end_s, cpu_seconds, reading, passes, around.ramp_up_s, around.drain_s)


@dataclass
class _Around:
    """Durations in s of the traffic before and after the window; None without it."""

    ramp_up_s: float | None = None
    drain_s: float | None = None


@contextmanager
def _traffic(engine: InferenceEngine, batches: Sequence[Batch], clock: Clock) -> Iterator[_Around]:
    """The traffic of a server around its window; nothing for other engines."""
    around = _Around()
    if not isinstance(engine, TrafficEngine) or not engine.is_steady:
        yield around
        return
    begun_s = clock.now()
    engine.ramp_up(batches)
    around.ramp_up_s = clock.now() - begun_s
    yield around
    closed_s = clock.now()
    engine.drain()
    around.drain_s = clock.now() - closed_s


def _passes(
    engine: InferenceEngine,
    batches: Sequence[Batch],
    clock: Clock,
    together: ProcessGroup,
    start_s: float,
    min_duration_s: float | None,
) -> Iterator[RunOutput]:
    """Run the batches once, or until the duration has passed. Rank 0 decides, so that all ranks do the same work."""
    yield engine.run(batches)
    while min_duration_s is not None and together.share(_AGAIN if clock.now() - start_s < min_duration_s else ""):
        yield engine.run(batches)


def _open(meter: EnergyBackend) -> OpenWindow | EnergyReading:
    try:
        return meter.open_window()
    except MeterError as error:
        return _failed(meter, error)


def _close(
    meter: EnergyBackend, measurement: OpenWindow | EnergyReading, start_s: float, end_s: float
) -> EnergyReading:
    if isinstance(measurement, EnergyReading):
        return measurement
    try:
        return check_reading(measurement.close(start_s, end_s), meter.name)
    except MeterError as error:
        return _failed(meter, error)


def _failed(meter: EnergyBackend, error: MeterError) -> EnergyReading:
    return EnergyReading(meter=meter.name, reason=f"the meter failed: {error}", problems=(str(error),))
