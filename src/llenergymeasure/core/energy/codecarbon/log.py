"""Records CodeCarbon's joules at each of its measurements and computes a window's energy from them.

```
 start()                                                         stop()
   o-------------o-------------o-------------o----------------------o     measurements, about one per second
     t0 ------------------------ work --------------------------- t1
```

CodeCarbon's own total covers more or less time than the work. The joules at each measurement come from an output handler;
between two measurements the power is assumed to be constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from llenergymeasure.core.sampling.power_integral import value_at
from llenergymeasure.core.sampling.power_log import Points
from llenergymeasure.domain.energy import JOULES_PER_KWH
from llenergymeasure.protocols import Clock

PARTS = ("gpu", "cpu", "ram")
# stop() does not measure again when the last measurement is younger than 0.05 s; the rest allows for its own duration.
OPEN_END_S = 0.1
# A GPU or a CPU package always draws power, so a counter that does not advance for two of the slowest ticks has failed.
STILL_S = 0.2


@dataclass(frozen=True)
class Point:
    """One measurement: when it was reported, and joules per part since the tracker's start."""

    time_s: float
    joules: dict[str, float]


class EnergyLog:
    """Keeps the measurements of a tracker, with the methods of CodeCarbon's output handlers.

    Args:
        clock: the clock of the window.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.points: list[Point] = []

    def live_out(self, total: Any, delta: Any) -> None:
        """A measurement; `total` has `gpu_energy`, `cpu_energy` and `ram_energy` in kWh since the start."""
        joules = {part: getattr(total, f"{part}_energy") * JOULES_PER_KWH for part in PARTS}
        self.points.append(Point(self._clock.now(), joules))

    def out(self, total: Any, delta: Any) -> None:
        """Do nothing: the last measurement was already recorded."""

    def exit(self) -> None:
        """Do nothing: nothing is open."""

    @property
    def age_s(self) -> float:
        """Time since the last measurement."""
        return self._clock.now() - self.points[-1].time_s

    def used_j(self, part: str, start_s: float, end_s: float) -> float | None:
        """Energy in J of a part from `start_s` to `end_s`; None when the measurements do not cover the range."""
        path = self._path(part, end_s)
        first, last = value_at(path, start_s), value_at(path, end_s)
        return None if first is None or last is None else last - first

    def _path(self, part: str, end_s: float) -> Points:
        path = [(point.time_s, point.joules[part]) for point in self.points]
        if len(path) < 2 or not 0 < end_s - path[-1][0] <= OPEN_END_S or path[-1][0] == path[-2][0]:
            return path
        (t_a, j_a), (t_b, j_b) = path[-2:]
        return [*path, (end_s, j_b + (j_b - j_a) / (t_b - t_a) * (end_s - t_b))]

    def stood_still_s(self, part: str) -> float:
        """Longest time in s of at least `STILL_S` between two measurements with no energy of a part; 0 without one."""
        steps = zip(self.points, self.points[1:])
        still = [b.time_s - a.time_s for a, b in steps if b.joules[part] <= a.joules[part]]
        return max((span_s for span_s in still if span_s >= STILL_S), default=0.0)

    def updates(self, start_s: float, end_s: float) -> tuple[int, float | None]:
        """Measurements inside the window and the median time between them; None with fewer than two."""
        times = [point.time_s for point in self.points if start_s <= point.time_s <= end_s]
        gaps = [after - before for before, after in zip(times, times[1:])]
        return len(times), median(gaps) if gaps else None
