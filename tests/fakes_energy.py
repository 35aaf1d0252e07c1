"""Stand-ins for the libraries of the meters, with known power on a clock that advances only when a caller sleeps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace

from llenergymeasure.testing import FakeClock

KWH_J = 3.6e6


class TimerClock(FakeClock):
    """A fake clock that calls timers on the way when a caller sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self._timers: dict[Callable[[], None], tuple[float, float]] = {}

    def every(self, seconds: float, call: Callable[[], None]) -> None:
        self._timers[call] = (self.seconds + seconds, seconds)

    def cancel(self, call: Callable[[], None]) -> None:
        self._timers.pop(call, None)

    @property
    def timers(self) -> int:
        return len(self._timers)

    def sleep(self, seconds: float) -> None:
        end_s = self.seconds + seconds
        while due := [(at_s, call) for call, (at_s, _) in self._timers.items() if at_s <= end_s]:
            at_s, call = min(due, key=lambda timer: timer[0])
            self.seconds = max(self.seconds, at_s)
            self._timers[call] = (at_s + self._timers[call][1], self._timers[call][1])
            call()
        self.seconds = end_s


class FakeTracker:
    """A CodeCarbon tracker: reports the joules of a constant power to its trail, once per second and at both ends.

    Args:
        trail: receives the joules.
        clock: time.
        watts: by part; what is left out draws nothing.
        mode: where the CPU's figure comes from: cpu_load is a model, intel_rapl a counter.
        says: warnings that it logs at its start.
        fails: exception that it raises at its start.
        starts: whether it tells anything; CodeCarbon suppresses its own failures.
        still_from_s: a counter that shows nothing after so many seconds.
    """

    def __init__(
        self, trail, clock, watts=None, mode="cpu_load", says=(), fails=None, starts=True, still_from_s=float("inf")
    ):
        self._trail, self._clock, self._watts = trail, clock, {"gpu": 0.0, "cpu": 0.0, "ram": 0.0, **(watts or {})}
        self._says, self._fails, self._starts, self._still_from_s = says, fails, starts, still_from_s
        self._hardware = [SimpleNamespace(), SimpleNamespace(_mode=mode)]
        self.stops = 0

    def start(self):
        print("a library that talks")
        for text in self._says:
            logging.getLogger("codecarbon").warning(text)
        if self._fails is not None:
            raise self._fails
        self._began_s = self._clock.now()
        if self._starts:
            self._clock.every(1.0, self.measure)
            self.measure()

    def measure(self):
        self._last_s = self._clock.now()
        spent_s = min(self._last_s - self._began_s, self._still_from_s)
        kwh = {f"{part}_energy": watts * spent_s / KWH_J for part, watts in self._watts.items()}
        self._trail.live_out(SimpleNamespace(**kwh), None)

    def stop(self):
        self.stops += 1
        self._clock.cancel(self.measure)
        if self._starts and self._clock.now() - self._last_s >= 0.05:
            self.measure()
        self._trail.out(None, None)
        self._trail.exit()


class FakeMonitor:
    """A `ZeusMonitor`: every GPU draws 100 W.

    Args:
        clock: time.
        numbers: of the GPUs.
        tells: joules by number, instead of what was drawn.
        fails: exception that ending a window raises.
        helpers: a power monitor that it started.
    """

    def __init__(self, clock, numbers, tells=None, fails=None, helpers=None):
        self._clock, self._numbers, self._tells, self._fails = clock, numbers, tells, fails
        self.power_monitor = helpers
        self.open: dict[str, float] = {}

    def begin_window(self, key, sync_execution):
        assert sync_execution is False  # a CPU build of torch would raise
        assert key not in self.open
        self.open[key] = self._clock.now()

    def end_window(self, key, sync_execution):
        assert sync_execution is False
        spent_s = self._clock.now() - self.open.pop(key)
        if self._fails is not None:
            raise self._fails
        drawn = dict.fromkeys(self._numbers, 100.0 * spent_s)
        return SimpleNamespace(gpu_energy=drawn if self._tells is None else self._tells)
