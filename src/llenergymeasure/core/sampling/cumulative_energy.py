"""Energy of a window from cumulative energy: joules at the updates of a counter or power sensor.

```
 update   tau_a          |      |      |      tau_b
 ---------|-----[t0======|======|======|===t1]--|-------      E = C(tau_b) - C(tau_a) - energy outside the window
          idle                                  idle
```

The energy is taken between updates just outside the window. The remaining error comes from the idle power between these
updates and the window, and not from the power of the work.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, pstdev

from llenergymeasure.core.sampling.grid import SLACK_S
from llenergymeasure.core.sampling.power_integral import value_at
from llenergymeasure.core.sampling.power_log import Points
from llenergymeasure.core.sampling.power_sensors import AVERAGE_WINDOW_S

# Time before a window over which the variation of idle power is measured.
IDLE_WATCH_S = 1.6
# With fewer differences between updates than FEW_STEPS, a variation of 10 % of idle power is assumed. The share is an
# assumption, not yet checked against recordings of idle power on real GPUs.
FEW_STEPS, ASSUMED_VARIATION = 3, 0.1
# The coverage factor for k = 2 when the variation comes from about a dozen updates. Student's t would be 2.2, but idle
# power is not normally distributed; with 2.8 at least 95 of 100 simulated windows are covered (benchmarks.accuracy).
FEW_K = 2.8


@dataclass(frozen=True)
class Outer:
    """Energy of a window in J from updates outside it, with the error (k = 2) in J of the subtracted idle energy."""

    energy_j: float
    error_j: float


@dataclass(frozen=True)
class CumulativeEnergy:
    """Cumulative energy at each update, from an arbitrary start.

    Attributes:
        times_s: times of the updates in s.
        joules: cumulative energy in J at each update.
        error_s: common error of all times in s.
        assumed_error_j: error (k = 2) in J of assumptions: the power where a reading is missing, and constant power in the
            second before the work where the series begins with a 1 s average.
        idle_variation_w: standard deviation in W of idle power between updates; None = derived from this series.
    """

    times_s: Sequence[float]
    joules: Sequence[float]
    error_s: float
    assumed_error_j: float = 0.0
    idle_variation_w: float | None = None

    def power_w(self, number: int) -> float:
        """Mean power in W between an update and the one before."""
        return (self.joules[number] - self.joules[number - 1]) / (self.times_s[number] - self.times_s[number - 1])

    def outer(self, start_s: float, end_s: float) -> Outer | None:
        """Energy in J from start to end; None without two updates on each side of the window."""
        a, b = self._last_before(start_s), bisect_left(self.times_s, end_s + self.error_s)
        if a < 1 or b + 1 >= len(self.times_s):
            return None
        before_s, after_s = start_s - self.times_s[a], self.times_s[b] - end_s
        before_w, after_w = self.power_w(a), self.power_w(b + 1)
        energy_j = self.joules[b] - self.joules[a] - before_w * before_s - after_w * after_s
        error_j = outside_error_j(self.variation_w(start_s), before_s, after_s, after_w - before_w)
        grid_j = 2 * self.error_s * (after_w - before_w) / math.sqrt(3)
        dating_j = 2 * SLACK_S * math.hypot(before_w, after_w) / math.sqrt(3)
        return Outer(energy_j, math.hypot(error_j, grid_j, dating_j))

    def _last_before(self, time_s: float) -> int:
        """Number of the last update that was certainly over by then; -1 without one."""
        return bisect_left(self.times_s, time_s - self.error_s) - 1

    def within(self, start_s: float, end_s: float) -> CumulativeEnergy | None:
        """Cumulative energy of the window alone, from 0 J at its start; None without two updates on each side."""
        found = self.outer(start_s, end_s)
        if found is None:
            return None
        a = self._last_before(start_s)
        drawn_before_j = self.joules[a] + self.power_w(a) * (start_s - self.times_s[a])
        inside = [
            (time_s, min(max(joules - drawn_before_j, 0.0), found.energy_j))
            for time_s, joules in zip(self.times_s, self.joules)
            if start_s < time_s < end_s
        ]
        path = [(start_s, 0.0), *inside, (end_s, found.energy_j)]
        return CumulativeEnergy([time_s for time_s, _ in path], [joules for _, joules in path], self.error_s)

    def variation_w(self, start_s: float) -> float:
        """Standard deviation in W of power between updates shortly before the window."""
        if self.idle_variation_w is not None:
            return self.idle_variation_w
        last = self._last_before(start_s)
        powers = self._powers_w(start_s - IDLE_WATCH_S, last)
        return variation_of([later - early for early, later in zip(powers, powers[1:])], self.power_w(max(last, 1)))

    def idle_spread_w(self, start_s: float) -> float | None:
        """Standard deviation in W of power in the second before the window; None with too few updates there."""
        powers = self._powers_w(start_s - AVERAGE_WINDOW_S, self._last_before(start_s))
        return pstdev(powers) if len(powers) > FEW_STEPS else None

    def _powers_w(self, from_s: float, last: int) -> list[float]:
        """Mean power in W before each update, from a time on and to the update of this number."""
        first = max(bisect_left(self.times_s, from_s), 1)
        return [self.power_w(number) for number in range(first, last + 1)]

    def at(self, time_s: float) -> float | None:
        """Cumulative energy in J at a time, interpolated linearly between updates; None outside them."""
        return value_at(self._points, time_s)

    @cached_property
    def _points(self) -> Points:
        return list(zip(self.times_s, self.joules))


def variation_of(steps_w: Sequence[float], power_w: float) -> float:
    """Standard deviation of power in W from differences between updates; 10 % of `power_w` with too few of them."""
    if len(steps_w) < FEW_STEPS:
        return ASSUMED_VARIATION * power_w
    return math.sqrt(fmean(step_w * step_w for step_w in steps_w) / 2)


def outside_error_j(variation_w: float, before_s: float, after_s: float, drift_w: float) -> float:
    """Error (k = 2) in J of the idle energy that is subtracted before and after a window.

    The power outside the window is taken from the neighbouring update. Both vary as idle power does, hence the factor
    sqrt(2). After the work, power may not yet have returned to its earlier value, which the drift term covers.

    Args:
        variation_w: standard deviation in W of idle power between updates.
        before_s: subtracted time before the window in s.
        after_s: subtracted time after the window in s.
        drift_w: power after the window minus power before it, in W.
    """
    return math.hypot(
        FEW_K * math.sqrt(2) * variation_w * math.hypot(before_s, after_s), drift_w * after_s / math.sqrt(3)
    )
