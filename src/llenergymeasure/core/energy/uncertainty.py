"""The uncertainty of meters that subtract two counter readings without observing the counter's ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Ticks of 10 to 100 ms have been observed; without observing them the longest is assumed.
TICK_S = 0.1
# NVML documents 5 W or 5 %, a stable gain error of the card. For CPU packages no figure is documented: the same
# 5 % is a decision, so that a result does not state less than a GPU's (docs/accuracy.md says that it is an assumption).
GAIN = 0.05


def plain_difference_parts(devices_j: Sequence[float], duration_s: float, tick_s: float = TICK_S) -> dict[str, float]:
    """Parts (k = 2) in J of the uncertainty of a sum of counter differences.

    Args:
        devices_j: energy in J of each device.
        duration_s: length of the window in s, above 0.
        tick_s: time between updates of the counters in s.

    Returns:
        `gain`: cards of one kind may have the same gain error, so it adds linearly. `edges`: a reading is up to one tick
        old at either edge, 2 x P x tick / sqrt(6) per device, independent between devices.
    """
    edges = (2 * joules / duration_s * tick_s / math.sqrt(6) for joules in devices_j)
    return {"gain": GAIN * math.fsum(devices_j), "edges": math.hypot(*edges)}
