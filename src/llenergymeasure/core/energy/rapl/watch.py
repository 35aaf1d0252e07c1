"""Samples the counters while windows are open, and waits for their ticks at the edges of a window.

```
 open_window                                                        close
 ||||||||  .  t0 . . . . . . . . . . . . . . . . . . . . . t1  .  ||||||||
 every 50 us       every 100 ms, for wraps and standstill         every 50 us
```
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from llenergymeasure.core.energy.rapl.log import ZoneLog
from llenergymeasure.core.energy.rapl.zones import Zone
from llenergymeasure.core.energy.ticks import TICK_TIMEOUT_S, Tick, polls
from llenergymeasure.protocols import Clock

INTERVAL_S = 0.1
# A twentieth of a tick; on Linux a sleep of 50 us lasts about 100 us.
POLL_S = 50e-6
# Five tick intervals of 1 ms give the power outside the window, and its variation.
TICKS = 6

Stop = Callable[[], None]
# Calls a function at an interval in s until the returned function is called.
Repeat = Callable[[float, Callable[[], None]], Stop]


def in_a_thread(interval_s: float, call: Callable[[], None]) -> Stop:
    """Call a function at an interval in a thread of its own."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(interval_s):
            call()

    thread = threading.Thread(target=run, name="llem-rapl", daemon=True)
    thread.start()

    def stop() -> None:
        ended.set()
        thread.join(timeout=2.0)

    return stop


class ZoneWatch:
    """The logs of all zones, sampled while at least one window is open.

    Args:
        zones: the counters.
        clock: the clock of the window.
        repeat: calls the sampling again and again.

    Attributes:
        logs: by name of the zone.
    """

    def __init__(self, zones: Sequence[Zone], clock: Clock, repeat: Repeat) -> None:
        self.logs = {zone.name: ZoneLog(zone, clock) for zone in zones}
        self._clock, self._repeat = clock, repeat
        self._open = 0
        self._stop: Stop | None = None

    @property
    def counted(self) -> Mapping[str, ZoneLog]:
        """The logs of the zones that are summed."""
        return {name: log for name, log in self.logs.items() if log.zone.counted}

    def enter(self) -> None:
        """Begin a window: the sampling starts with the first."""
        self._open += 1
        if self._stop is None:
            for log in self.logs.values():
                log.restart()
            self.sample()
            self._stop = self._repeat(INTERVAL_S, self.sample)

    def leave(self) -> None:
        """End a window: the sampling stops with the last."""
        self._open -= 1
        if self._open == 0:
            self.stop()

    def stop(self) -> None:
        """Stop sampling. Safe to call twice."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    def sample(self) -> None:
        """Read every counter once."""
        for log in self.logs.values():
            log.sample()

    def ticks(self) -> dict[str, list[Tick]]:
        """Poll until every counted zone has ticked `TICKS` times, is gone, or the timeout has passed; its ticks by name."""
        start_s = self._clock.now()
        needed = {name: log.n_ticks + TICKS for name, log in self.counted.items()}
        for _ in polls(self._clock, POLL_S, TICK_TIMEOUT_S):
            if not self._waits(needed):
                break
            for log in self.counted.values():
                log.sample()
        return {name: log.ticks(start_s, self._clock.now()) for name, log in self.counted.items()}

    def _waits(self, needed: Mapping[str, int]) -> bool:
        return any(log.gone is None and log.n_ticks < needed[name] for name, log in self.counted.items())
