"""Waiting for the ticks of energy counters, and why one did not come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.exceptions import MeterError, SensorFault
from llenergymeasure.protocols import Clock

POLL_S = 0.001
# Ticks of 10 to 100 ms have been seen; a counter that stands still for longer is stale or absent.
TICK_TIMEOUT_S = 0.5


@dataclass(frozen=True)
class Tick:
    """An update of a counter, seen between two polls.

    Attributes:
        time_s: the middle of the two polls.
        energy_j: what it shows since.
        poll_s: time between the two polls.
    """

    time_s: float
    energy_j: float
    poll_s: float


class CounterWatch:
    """Waits for two ticks of one counter.

    Attributes:
        ticks: those that were seen.
        slowest_s: longest time that a reading took.
    """

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._last: tuple[float, float] | None = None
        self._absent = False
        self._error: MeterError | None = None
        self.slowest_s = 0.0
        self.ticks: list[Tick] = []

    @property
    def done(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self._absent or len(self.ticks) >= 2

    @property
    def why_not(self) -> str | None:
        """Why it did not tick twice; None when it did, or when the device has no counter."""
        if len(self.ticks) >= 2:
            return None
        if self._error is not None:
            return f"could not be read ({self._error})"
        if self._absent:
            return None
        if self.slowest_s > TICK_TIMEOUT_S:
            return f"took {self.slowest_s:.2g} s to answer"
        return f"stood still for {TICK_TIMEOUT_S:g} s"

    def poll(self, door: GpuDoor, clock: Clock) -> None:
        """Look once."""
        if self.done:
            return
        before_s = clock.now()
        try:
            energy_j = door.energy_j(self._gpu)
        except MeterError as error:
            self._error, self._absent = error, isinstance(error, SensorFault)
            return
        after_s = clock.now()
        self._error = None
        self.slowest_s = max(self.slowest_s, after_s - before_s)
        now_s = (before_s + after_s) / 2
        if energy_j is None:
            self._absent = True
            return
        if self._last is not None:
            self._compare(*self._last, now_s, energy_j)
        self._last = (now_s, energy_j)

    def _compare(self, before_s: float, before_j: float, now_s: float, energy_j: float) -> None:
        """Note a tick; a counter that began anew is watched from there."""
        if energy_j < before_j:
            self.ticks.clear()
        elif energy_j > before_j:
            self.ticks.append(Tick((before_s + now_s) / 2, energy_j, now_s - before_s))


def watch_counters(door: GpuDoor, gpus: Sequence[Gpu], clock: Clock) -> dict[str, CounterWatch]:
    """Poll until every counter has ticked twice, or will not. By uuid."""
    watches = {gpu.uuid: CounterWatch(gpu) for gpu in gpus}
    deadline_s = clock.now() + TICK_TIMEOUT_S
    while any(not watch.done for watch in watches.values()) and clock.now() < deadline_s:
        for watch in watches.values():
            watch.poll(door, clock)
        if any(not watch.done for watch in watches.values()):
            clock.sleep(POLL_S)
    return watches


def ticks_of(watches: Mapping[str, CounterWatch]) -> dict[str, tuple[Tick, Tick]]:
    """The two ticks of each device that showed them."""
    return {uuid: (watch.ticks[0], watch.ticks[1]) for uuid, watch in watches.items() if len(watch.ticks) >= 2}
