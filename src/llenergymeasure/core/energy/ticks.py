"""Waits for the ticks of energy counters and records why a tick is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.exceptions import MeterError, SensorFault
from llenergymeasure.protocols import Clock

POLL_S = 0.001
# Ticks of 10 to 100 ms have been observed; a counter that does not advance for this long is stale or absent.
TICK_TIMEOUT_S = 0.5
# A pause between two polls that lasts longer counts as this long: the system had stopped this process, and nothing watched.
LONGEST_PAUSE_S = 0.02


def polls(clock: Clock, pause_s: float, limit_s: float) -> Iterator[bool]:
    """Yield for every poll until the limit whether this process was stopped in the pause before it. A pause follows each.

    Args:
        clock: the clock of the window.
        pause_s: seconds between two polls.
        limit_s: seconds in which the counters must advance.
    """
    end_s, stopped_s = clock.now() + limit_s, 0.0
    while clock.now() < end_s:
        yield stopped_s > 0.0
        before_s = clock.now()
        clock.sleep(pause_s)
        stopped_s = max(0.0, clock.now() - before_s - LONGEST_PAUSE_S)
        end_s += stopped_s


@dataclass(frozen=True)
class Tick:
    """An update of a counter, observed between two polls.

    Attributes:
        time_s: the middle of the two polls in s.
        energy_j: its value in J after the update.
        poll_s: time between the two polls in s.
    """

    time_s: float
    energy_j: float
    poll_s: float

    def power_w(self, later: Tick) -> float:
        """Mean power in W until a later tick."""
        return (later.energy_j - self.energy_j) / (later.time_s - self.time_s)


class CounterWatch:
    """Waits for two ticks of one counter.

    Attributes:
        ticks: the observed ticks.
        slowest_s: longest duration of a reading in s.
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
        """Whether it has two ticks, or its counter is absent."""
        return self._absent or len(self.ticks) >= 2

    @property
    def why_not(self) -> str | None:
        """Why two ticks were not observed; None when they were, or when the device has no counter."""
        if len(self.ticks) >= 2:
            return None
        if self._error is not None:
            return f"could not be read ({self._error})"
        if self._absent:
            return None
        if self.slowest_s > TICK_TIMEOUT_S:
            return f"took {self.slowest_s:.2g} s to answer"
        return f"did not advance for {TICK_TIMEOUT_S:g} s"

    def poll(self, door: GpuDoor, clock: Clock) -> None:
        """Read the counter once."""
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

    def lose_sight(self) -> None:
        """Forget the last value: when the counter advanced since then is not known."""
        self._last = None

    def _compare(self, before_s: float, before_j: float, now_s: float, energy_j: float) -> None:
        """Record a tick; a counter that was reset is watched from its new value."""
        if energy_j < before_j:
            self.ticks.clear()
        elif energy_j > before_j:
            self.ticks.append(Tick((before_s + now_s) / 2, energy_j, now_s - before_s))


def watch_counters(door: GpuDoor, gpus: Sequence[Gpu], clock: Clock) -> dict[str, CounterWatch]:
    """Poll until every counter has ticked twice, is absent, or the timeout has passed. By UUID."""
    watches = {gpu.uuid: CounterWatch(gpu) for gpu in gpus}
    for was_stopped in polls(clock, POLL_S, TICK_TIMEOUT_S):
        for watch in watches.values():
            if was_stopped:
                watch.lose_sight()
            watch.poll(door, clock)
        if all(watch.done for watch in watches.values()):
            break
    return watches


def ticks_of(watches: Mapping[str, CounterWatch]) -> dict[str, tuple[Tick, Tick]]:
    """The two ticks of each device that has them, by UUID."""
    return {uuid: (watch.ticks[0], watch.ticks[1]) for uuid, watch in watches.items() if len(watch.ticks) >= 2}
