"""Power of a GPU before and after the window, in rows that are few enough for a result."""

from __future__ import annotations

import math
from collections.abc import Iterator

from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.core.sampling.power_sensors import instant_sensor
from llenergymeasure.core.sampling.timeseries import ROW_S, SHORTEST_ROW_S, row_energy_j
from llenergymeasure.core.sampling.updates import STALE_S, longest_standstill_s
from llenergymeasure.domain.sensors import PowerTrace

# Of the time before the window, and of the time after it. A longer time has longer rows.
MOST_ROWS = 300


def power_outside(gpu: Gpu, log: PowerLog, from_s: float, start_s: float, end_s: float) -> PowerTrace:
    """Mean power from `from_s` to the newest sample, without the window from `start_s` to `end_s`."""
    seen = log.times(from_s, math.inf)
    # The power sensor shows the work with a delay, so the last moment that it shows is before the newest sample.
    last_s = seen[-1] - instant_sensor(gpu.architecture, gpu.name).delay_s if seen else from_s
    rows = [*_rows(seen[0], min(start_s, last_s)), *_rows(end_s, last_s)] if seen else []
    powers = [_power_w(gpu, log, *row) for row in rows]
    return PowerTrace(
        gpu_index=gpu.index,
        start_s=tuple(round(row_s - start_s, 3) for row_s, _ in rows),
        end_s=tuple(round(row_s - start_s, 3) for _, row_s in rows),
        power_w=tuple(None if power_w is None else round(power_w, 3) for power_w in powers),
    )


def _rows(from_s: float, to_s: float) -> Iterator[tuple[float, float]]:
    """Start and end of rows of equal length, of a second or more."""
    length_s = to_s - from_s
    if length_s < SHORTEST_ROW_S:
        return
    count = min(math.ceil(length_s / ROW_S - SHORTEST_ROW_S), MOST_ROWS)
    for index in range(count):
        yield from_s + index * length_s / count, from_s + (index + 1) * length_s / count


def _power_w(gpu: Gpu, log: PowerLog, from_s: float, to_s: float) -> float | None:
    """None where the counter stood still: a GPU always draws power."""
    if longest_standstill_s(log.between("energy_j", from_s, to_s)) > STALE_S:
        return None
    energy_j = row_energy_j(gpu, log, from_s, to_s)
    return energy_j / (to_s - from_s) if energy_j else None
