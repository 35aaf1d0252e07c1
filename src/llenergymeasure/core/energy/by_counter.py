"""The energy counter at its own ticks outside the window, less what was drawn outside.

```
 tick tick t_a                                      tick t_b  tick
  |----|----.  t0 ------------ work ------------ t1  .---------|
   P_before                                           P_after
```

`E = E_b - E_a - P_before (t0 - t_a) - P_after (t_b - t1)`. The outside powers come from the counter itself, over the
tick before t_a and the tick after t_b, when the device is idle; so does the error that remains: the moment of a tick is
known to one poll.
"""

from __future__ import annotations

import math

from llenergymeasure.core.energy.device_energy import DeviceEnergy
from llenergymeasure.core.energy.ticks import Tick
from llenergymeasure.core.energy.uncertainty import GAIN
from llenergymeasure.core.sampling.cumulative_energy import outside_error_j, variation_of


def by_counter(
    before: tuple[Tick, Tick],
    after: tuple[Tick, Tick],
    start_s: float,
    end_s: float,
    sampled: DeviceEnergy | None,
    variation_w: float | None = None,
) -> DeviceEnergy:
    """Counter at its outer ticks, less what was used outside the window.

    Args:
        before: two ticks before the window, the second above the first.
        after: two ticks after it, likewise.
        start_s: start of the work.
        end_s: end of the work.
        sampled: the same window by the power sensors.
        variation_w: standard deviation of idle power from tick to tick; None when the counter was not watched.
    """
    (early, t_a), (t_b, late) = before, after
    p_before_w, p_after_w = _slope_w(early, t_a), _slope_w(t_b, late)
    before_s, after_s = start_s - t_a.time_s, t_b.time_s - end_s
    energy_j = t_b.energy_j - t_a.energy_j - p_before_w * before_s - p_after_w * after_s
    if variation_w is None:
        variation_w = variation_of((), max(p_before_w, p_after_w))
    edges_j = math.hypot(
        _poll_error_j(p_before_w, t_a, early, before_s),
        _poll_error_j(p_after_w, t_b, late, after_s),
        outside_error_j(variation_w, before_s, after_s, p_after_w - p_before_w),
    )
    parts = {"gain": GAIN * abs(energy_j), "edges": edges_j}
    return DeviceEnergy(energy_j, "counter", parts, crosscheck=sampled)


def _poll_error_j(power_w: float, near: Tick, far: Tick, outside_s: float) -> float:
    """Error (k = 2) of what is taken off on one side of the window, by the times of the ticks.

    A tick lies evenly between two polls (poll / sqrt(12)). An error of the nearer one shifts both the time outside and
    the power, which was found between the two, in the same direction.
    """
    share = outside_s / abs(far.time_s - near.time_s)
    return 2 * power_w * math.hypot(near.poll_s * (1 + share), far.poll_s * share) / math.sqrt(12)


def _slope_w(first: Tick, second: Tick) -> float:
    return (second.energy_j - first.energy_j) / (second.time_s - first.time_s)
