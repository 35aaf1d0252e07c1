"""Makes the time series of a window from the samples: one row per GPU and second."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.core.sampling.conditions import ConditionLog
from llenergymeasure.core.sampling.cumulative_energy import CumulativeEnergy
from llenergymeasure.core.sampling.energy_from_sensors import (
    LONG_S,
    from_average_power,
    from_counter,
    from_instant_power,
)
from llenergymeasure.core.sampling.power_integral import instant_energy_j, value_at
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.core.sampling.power_sensors import instant_sensor
from llenergymeasure.domain.sensors import COLUMNS, TimeSeries

ROW_S = 1.0
# A window of 3 s may last 3.0000000001 s; this avoids a last row of 1e-10 s.
SHORTEST_ROW_S = 1e-3


def rows_of(
    gpus: Sequence[Gpu],
    power: Mapping[str, PowerLog],
    conditions: Mapping[str, ConditionLog],
    start_s: float,
    end_s: float,
    row_s: float = ROW_S,
) -> TimeSeries:
    """Rows of `row_s` from `start_s` to `end_s`; the last row of a GPU may be shorter."""
    count = max(math.ceil((end_s - start_s - SHORTEST_ROW_S) / row_s), 1)
    edges = [*(start_s + index * row_s for index in range(count)), end_s]
    rows = [
        _row(gpu, conditions[gpu.uuid], start_s, from_s, to_s, energy_j)
        for gpu in gpus
        for from_s, to_s, energy_j in _shares(gpu, power[gpu.uuid], edges)
    ]
    return TimeSeries(**{name: tuple(row[name] for row in rows) for name in COLUMNS})


def _shares(gpu: Gpu, log: PowerLog, edges: Sequence[float]) -> Iterator[tuple[float, float, float | None]]:
    """Start, end and energy in J of each row; the rows add up to the window's energy by the sampler."""
    cumulative = window_cumulative(gpu, log, edges[0], edges[-1])
    for from_s, to_s in zip(edges, edges[1:]):
        if cumulative is None:
            yield from_s, to_s, row_energy_j(gpu, log, from_s, to_s)
        else:
            yield from_s, to_s, (cumulative.at(to_s) or 0.0) - (cumulative.at(from_s) or 0.0)


def window_cumulative(gpu: Gpu, log: PowerLog, start_s: float, end_s: float) -> CumulativeEnergy | None:
    """Cumulative energy of the window from the counter, else from the power sensors; None when neither gives one."""
    counted = from_counter(log, start_s, end_s)
    found = counted.within(start_s, end_s) if counted is not None else None
    if found is not None or end_s - start_s > LONG_S:
        return found
    sensor = instant_sensor(gpu.architecture, gpu.name)
    average, instant = from_average_power(log, start_s, end_s), from_instant_power(log, sensor, start_s, end_s)
    powers = (average, instant) if sensor.is_partial else (instant, average)
    cumulatives = (cumulative.within(start_s, end_s) for cumulative in powers if cumulative is not None)
    return next((cumulative for cumulative in cumulatives if cumulative is not None), None)


def _row(
    gpu: Gpu, conditions: ConditionLog, window_s: float, from_s: float, to_s: float, energy_j: float | None
) -> dict[str, Any]:
    reasons = conditions.latest("reasons", to_s)
    return {
        "timestamp_s": from_s - window_s,
        "gpu_index": gpu.index,
        "power_w": None if energy_j is None else energy_j / (to_s - from_s),
        "temperature_c": conditions.latest("temperature_c", to_s),
        "memory_used_mb": conditions.latest("memory_used_mb", to_s),
        "memory_total_mb": conditions.latest("memory_total_mb", to_s),
        "sm_utilisation_pct": conditions.latest("utilisation_pct", to_s),
        "throttle_reasons": None if reasons is None else int(reasons),
        "energy_j": energy_j,
    }


def row_energy_j(gpu: Gpu, power: PowerLog, from_s: float, to_s: float) -> float | None:
    """Energy in J from `from_s` to `to_s`, from the interpolated counter, else from instant power."""
    points = power.between("energy_j", from_s, to_s)
    first, last = value_at(points, from_s), value_at(points, to_s)
    if first is not None and last is not None and last >= first:
        return last - first
    return instant_energy_j(power, instant_sensor(gpu.architecture, gpu.name), from_s, to_s)
