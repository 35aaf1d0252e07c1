"""Energy in J from the energy counter, between ticks outside the window, minus the idle energy outside the window.

```
 tick tick t_a                                      tick t_b  tick
  |----|----.  t0 ------------ work ------------ t1  .---------|
   P_before                                           P_after
```

`E = E_b - E_a - P_before (t0 - t_a) - P_after (t_b - t1)`. The idle powers come from the counter itself, from the tick
interval before t_a and the one after t_b. The remaining error comes from these powers, and from the time of a tick, which
is known to within one poll.
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
    """Energy in J of a window from the counter's ticks outside it, minus the idle energy between ticks and window.

    Args:
        before: two ticks before the window, in order.
        after: two ticks after the window, in order.
        start_s: start of the work in s.
        end_s: end of the work in s.
        sampled: energy of the same window from the power sensors, as cross-check; None without one.
        variation_w: standard deviation in W of idle power between ticks; None when not measured, then 10 % is assumed.
    """
    (early, t_a), (t_b, late) = before, after
    p_before_w, p_after_w = early.power_w(t_a), t_b.power_w(late)
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
    """Error (k = 2) in J of the energy subtracted on one side of the window, from the times of the ticks.

    A tick is uniformly distributed between two polls (poll / sqrt(12)). An error of the nearer tick changes both the
    subtracted time and the power, which was computed between the two ticks, in the same direction.
    """
    share = outside_s / abs(far.time_s - near.time_s)
    return 2 * power_w * math.hypot(near.poll_s * (1 + share), far.poll_s * share) / math.sqrt(12)
