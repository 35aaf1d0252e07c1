"""Waits for the ticks of energy counters and records why a tick is missing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.exceptions import MeterError, SensorFault
from llenergymeasure.protocols import Clock

POLL_S = 0.001
# Ticks of 10 to 100 ms have been observed; a counter that does not advance for this long is stale or absent.
TICK_TIMEOUT_S = 0.5
# A pause that lasts longer counts as this long: the system had stopped this process, and nothing watched the counters.
LONGEST_PAUSE_S = 0.02
# A decision: a tick is exact if its two polls are at most this many times as far apart as the two closest polls.
EXACT_SPANS = 3


def polls(clock: Clock, pause_s: float, limit_s: float) -> Iterator[None]:
    """Yield for every poll of counters until the limit. A pause follows each.

    Time in which the system stopped this process does not count. In a pause, that is the time beyond `LONGEST_PAUSE_S`. Of the
    slowest poll, it is the time beyond that of the second slowest: one slow poll does not count, and two do.

    Args:
        clock: the clock of the window.
        pause_s: seconds between two polls.
        limit_s: seconds in which the counters must advance.
    """
    end_s = clock.now() + limit_s
    second_s = slowest_s = 0.0
    while (before_s := clock.now()) < end_s + slowest_s - second_s:
        yield
        polled_s = clock.now()
        clock.sleep(pause_s)
        end_s += max(0.0, clock.now() - polled_s - LONGEST_PAUSE_S)
        _, second_s, slowest_s = sorted((second_s, slowest_s, polled_s - before_s))


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


@dataclass(frozen=True)
class _Reading:
    """A value of a counter, and when its reading began and ended."""

    before_s: float
    after_s: float
    energy_j: float

    @property
    def time_s(self) -> float:
        return (self.before_s + self.after_s) / 2


class CounterWatch:
    """Waits for two ticks of one counter.

    Attributes:
        slowest_s: longest duration of a reading in s.
    """

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._last: _Reading | None = None
        self._absent = False
        self._error: MeterError | None = None
        self.slowest_s = 0.0
        self._seen: list[tuple[float, Tick]] = []
        self._shortest_s = math.inf

    @property
    def ticks(self) -> list[Tick]:
        """The ticks whose times are exact: their two polls are not much further apart than the two closest."""
        longest_s = max(LONGEST_PAUSE_S, EXACT_SPANS * self._shortest_s)
        return [tick for span_s, tick in self._seen if span_s <= longest_s]

    @property
    def two(self) -> tuple[Tick, Tick] | None:
        """The first two ticks that are exact, or else the two whose times are best known; None with fewer ticks."""
        ticks = self.ticks
        if len(ticks) < 2:
            best = sorted(self._seen, key=lambda seen: seen[0])[:2]
            ticks = sorted((tick for _, tick in best), key=lambda tick: tick.time_s)
        return (ticks[0], ticks[1]) if len(ticks) >= 2 else None

    @property
    def done(self) -> bool:
        """Whether it has two exact ticks, or its counter is absent."""
        return self._absent or len(self.ticks) >= 2

    @property
    def why_not(self) -> str | None:
        """Why two ticks were not observed; None when they were, or when the device has no counter."""
        if self.two is not None:
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
        if energy_j is None:
            self._absent = True
            return
        reading = _Reading(before_s, after_s, energy_j)
        if self._last is not None:
            self._compare(self._last, reading)
        self._last = reading

    def _compare(self, last: _Reading, now: _Reading) -> None:
        """Record a tick; a counter that was reset is watched from its new value."""
        span_s = now.after_s - last.before_s
        self._shortest_s = min(self._shortest_s, span_s)
        if now.energy_j < last.energy_j:
            self._seen.clear()
        elif now.energy_j > last.energy_j:
            tick = Tick((last.time_s + now.time_s) / 2, now.energy_j, now.time_s - last.time_s)
            self._seen.append((span_s, tick))


def watch_counters(door: GpuDoor, gpus: Sequence[Gpu], clock: Clock) -> dict[str, CounterWatch]:
    """Poll until every counter has two exact ticks, is absent, or the timeout has passed. By UUID."""
    watches = {gpu.uuid: CounterWatch(gpu) for gpu in gpus}
    for _ in polls(clock, POLL_S, TICK_TIMEOUT_S):
        for watch in watches.values():
            watch.poll(door, clock)
        if all(watch.done for watch in watches.values()):
            break
    return watches


def ticks_of(watches: Mapping[str, CounterWatch]) -> dict[str, tuple[Tick, Tick]]:
    """The two ticks of each device that has them, by UUID."""
    return {uuid: watch.two for uuid, watch in watches.items() if watch.two is not None}
