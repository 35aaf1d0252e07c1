"""The uncertainty of meters that subtract two readings of a counter without looking at its ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Ticks of 10 to 100 ms have been seen; who does not look at them assumes the longest.
TICK_S = 0.1
# NVML documents 5 W or 5 %, a stable gain of the card. For CPU packages no figure is documented: the same is taken.
GAIN = 0.05


def plain_difference_parts(devices_j: Sequence[float], duration_s: float, tick_s: float = TICK_S) -> dict[str, float]:
    """Parts (k = 2) of the uncertainty of a sum of counter differences, in joules.

    Args:
        devices_j: joules of each device.
        duration_s: length of the window, above 0.
        tick_s: time between updates of the counters.

    Returns:
        `gain`, which cards of one kind may share and so adds up, and `edges`: a reading is up to one tick old at either
        edge, 2 x P x tick / sqrt(6) per device, independent of each other.
    """
    edges = (2 * joules / duration_s * tick_s / math.sqrt(6) for joules in devices_j)
    return {"gain": GAIN * math.fsum(devices_j), "edges": math.hypot(*edges)}
