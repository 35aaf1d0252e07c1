"""The waits between runs: a fixed gap, then until the GPUs have cooled down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol as Interface

from llenergymeasure.domain.study.design import Protocol
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.progress import Progress
from llenergymeasure.protocols import Clock
from llenergymeasure.study.plan import begins_cycle, gap_before

TICK_S = 0.25
TEMPERATURE_PERIOD_S = 2.0

# Temperatures in C by UUID of the GPU; GPUs that report none are left out.
Thermometer = Callable[[], Mapping[str, float]]


class Skip(Interface):
    """Whether the user wants to skip a wait."""

    @property
    def hint(self) -> str:
        """How to skip, to be added to the name of a wait; empty when it cannot be skipped."""

    def __call__(self) -> bool:
        """Whether it was requested since the last call."""


class NoSkip:
    """Skips no wait."""

    hint = ""

    def __call__(self) -> bool:
        return False


@dataclass(frozen=True)
class Waited:
    """The waits before a run.

    Attributes:
        waited_s: duration of all waits in s.
        skipped_s: the part of the fixed gap that was skipped, in s.
        above_c: largest distance in C by which a GPU is still too warm after the longest wait; None when none is.
    """

    waited_s: float = 0.0
    skipped_s: float = 0.0
    above_c: float | None = None


@dataclass(frozen=True)
class Waits:
    """Waits between runs.

    Attributes:
        protocol: durations and temperatures.
        clock: time.
        progress: receives each wait with its duration.
        thermometer: reads the GPUs.
        start_c: temperature of each GPU at the start of the study, by UUID.
        skip: whether the user wants to skip a wait.
    """

    protocol: Protocol
    clock: Clock
    progress: Progress
    thermometer: Thermometer
    start_c: Mapping[str, float]
    skip: Skip = field(default_factory=NoSkip)

    def before(self, previous: RunRow | None, row: RunRow) -> Waited:
        """Wait before a run. None before the first one of this process, except for the temperature."""
        began = self.clock.now()
        gap_s = gap_before(previous, row, self.protocol)
        next_is = "cycle" if previous and begins_cycle(previous, row, self.protocol) else "run"
        left_s = self._gap(gap_s, next_is) if gap_s else 0.0
        above_c = self._cool_down()
        return Waited(self.clock.now() - began, left_s, above_c)

    def before_cycle(self, ended_s_ago: float | None) -> None:
        """Wait the rest of the gap between cycles, where another cycle ended on the same GPUs.

        Args:
            ended_s_ago: seconds since it ended; None without one.
        """
        if ended_s_ago is not None and ended_s_ago < self.protocol.cycle_gap_s:
            self._gap(self.protocol.cycle_gap_s - ended_s_ago, "cycle")

    def _gap(self, gap_s: float, before: str) -> float:
        """Wait a fixed time. Returns what was skipped of it in s."""
        self.progress.step(f"waiting before the next {before}{self.skip.hint}", gap_s)
        self.skip()  # a request from before the wait does not count
        try:
            return self._wait(gap_s)
        finally:
            self.progress.done()

    def _wait(self, seconds: float) -> float:
        """Wait; returns what was skipped in s."""
        left_s = seconds
        while left_s > 0 and not self.skip():
            tick_s = min(TICK_S, left_s)
            self.clock.sleep(tick_s)
            self.progress.advance(tick_s)
            left_s -= tick_s
        return left_s

    def _cool_down(self) -> float | None:
        """Wait for the temperature. Returns the distance in C by which it is still too high; None when it is not."""
        if self.protocol.cooldown_celsius is None or self._above_c() is None:
            return None
        end_s, skipped = self.clock.now() + self.protocol.cooldown_max_s, False
        self.progress.step(f"waiting until the GPUs have cooled down{self.skip.hint}")
        self.skip()
        try:
            while not skipped and (above_c := self._above_c()) is not None:
                left_s = end_s - self.clock.now()
                if left_s <= 0:
                    self.progress.note(
                        f"a GPU is still {above_c:.0f} C too warm after {self.protocol.cooldown_max_s:g} s"
                    )
                    return above_c
                skipped = self._wait(min(TEMPERATURE_PERIOD_S, left_s)) > 0
        finally:
            self.progress.done()
        return self._above_c()

    def _above_c(self) -> float | None:
        """Largest distance in C of a GPU above its temperature at the start plus the tolerance; None when none is above."""
        now_c, tolerance_c = self.thermometer(), self.protocol.cooldown_celsius or 0.0
        above = (now_c[uuid] - start_c - tolerance_c for uuid, start_c in self.start_c.items() if uuid in now_c)
        return max((distance for distance in above if distance > 0), default=None)
