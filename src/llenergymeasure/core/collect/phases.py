"""Splits the window's energy between prefill and decode.

```
 sensor   |----E1----|----E2----|----E3----|----E4----|      joules between two updates
 model    ppppddddddddddddddddddddpppppddddddddddddddd       seconds of each phase between them
```

A phase may be shorter than the sensor's period. Its power is estimated from the seconds of each phase between each two
updates: `E_k = P_prefill p_k + P_rest r_k`, solved by ordinary least squares over the window; the residuals give the
standard error. The energy of prefill is `P_prefill` times its seconds; decode is the rest of the window's energy.

Both are shares of the window's energy, so each also has its relative uncertainty: a gain error of 5 % is 5 % of each share.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import pstdev

from llenergymeasure.core.collect.intervals import Interval, prefills_of
from llenergymeasure.domain.energy import EnergyReading, PhaseEnergy
from llenergymeasure.domain.measurements import PhaseTimes
from llenergymeasure.records import EnergyStep, RequestRecord

# Two powers are fitted. With 8 degrees of freedom left, the t quantile (2.3) is close to that of the normal (2).
MIN_STEPS = 10
# A split is not reported when its error exceeds half of the smaller phase.
MAX_RELATIVE_UNCERTAINTY = 0.5
# Least standard deviation of prefill's share of an update. Below it, the errors of the updates' times (some percent of
# a period) would look like differences between the phases, and the residuals would not show it.
MIN_SHARE_SPREAD = 0.03


@dataclass(frozen=True)
class Fit:
    """Power of prefill in W, with its standard error in W."""

    power_w: float
    error_w: float


def split_energy(
    requests: Sequence[RequestRecord],
    times: PhaseTimes | None,
    devices: Sequence[Sequence[EnergyStep]],
    reading: EnergyReading,
) -> PhaseEnergy | None:
    """Energy in J of prefill and of decode; None without an energy, without times of first tokens or without devices.

    Time outside both phases, such as between batches, counts as decode; its energy is part of the uncertainty.

    Args:
        requests: the window's requests, with the times of their first tokens.
        times: seconds of each phase; None when these times were not recorded.
        devices: per device, the energy in J between the updates of its sensor, inside the window.
        reading: the window's energy.
    """
    energy_j = reading.energy_j
    prefills = prefills_of(requests)
    if energy_j is None or times is None or prefills is None or not devices:
        return None
    fits = [fit_prefill_power(prefills, steps) for steps in devices]
    found = [fit for fit in fits if fit is not None]
    if len(found) < len(fits):
        return PhaseEnergy(reason=_too_short(times, devices))
    prefill_j = math.fsum(fit.power_w for fit in found) * times.prefill_sec
    window_s = times.prefill_sec + times.decode_sec + times.other_sec
    uncertainty_j = math.hypot(
        2 * math.hypot(*(fit.error_w for fit in found)) * times.prefill_sec, times.other_sec * energy_j / window_s
    )
    decode_j = energy_j - prefill_j
    if uncertainty_j > MAX_RELATIVE_UNCERTAINTY * min(prefill_j, decode_j):
        return PhaseEnergy(
            reason=f"{_too_short(times, devices)}; the split would be uncertain by {uncertainty_j:.3g} J"
        )
    return PhaseEnergy(
        prefill_j=prefill_j,
        decode_j=decode_j,
        uncertainty_j=uncertainty_j,
        prefill_uncertainty_j=_with_share(uncertainty_j, prefill_j, reading),
        decode_uncertainty_j=_with_share(uncertainty_j, decode_j, reading),
    )


def _with_share(split_j: float, phase_j: float, reading: EnergyReading) -> float | None:
    """The uncertainty of the split, combined with the phase's share of that of the window; both in J, k = 2."""
    if not reading.energy_j or reading.uncertainty_j is None:
        return None
    return math.hypot(split_j, reading.uncertainty_j * phase_j / reading.energy_j)


def _too_short(times: PhaseTimes, devices: Sequence[Sequence[EnergyStep]]) -> str:
    return (
        f"{times.prefill_sec:.3g} s of prefill and {times.decode_sec:.3g} s of decode are too short to be separated with "
        f"{min(map(len, devices))} sensor updates; raise n, or set min_duration_seconds"
    )


def fit_prefill_power(prefills: Sequence[Interval], steps: Sequence[EnergyStep]) -> Fit | None:
    """Least squares for the power of prefill; None with too few steps, or when they do not separate the phases.

    Args:
        prefills: start and end of each prefill, in order, not overlapping.
        steps: energy in J between two updates of the sensor.
    """
    rows = [
        (seconds, step.end_s - step.start_s - seconds, step.energy_j)
        for step in steps
        for seconds in [overlap_s(prefills, step.start_s, step.end_s)]
    ]
    if len(rows) < MIN_STEPS or pstdev(p / (p + r) for p, r, _ in rows) < MIN_SHARE_SPREAD:
        return None
    pp, rr, pr = (math.fsum(x * y for x, y in pairs) for pairs in _products(rows))
    determinant = pp * rr - pr * pr
    pe, re = math.fsum(p * e for p, _, e in rows), math.fsum(r * e for _, r, e in rows)
    prefill_w, rest_w = (rr * pe - pr * re) / determinant, (pp * re - pr * pe) / determinant
    squares = math.fsum((e - prefill_w * p - rest_w * r) ** 2 for p, r, e in rows)
    return Fit(prefill_w, math.sqrt(squares / (len(rows) - 2) * rr / determinant))


def _products(rows: Sequence[tuple[float, float, float]]) -> tuple[list[Interval], ...]:
    return [(p, p) for p, _, _ in rows], [(r, r) for _, r, _ in rows], [(p, r) for p, r, _ in rows]


def overlap_s(intervals: Sequence[Interval], start_s: float, end_s: float) -> float:
    """Seconds of ordered intervals that lie from `start_s` to `end_s`."""
    first = max(bisect_left(intervals, (start_s, -math.inf)) - 1, 0)
    total = 0.0
    for begin_s, finish_s in intervals[first:]:
        if begin_s >= end_s:
            break
        total += max(min(finish_s, end_s) - max(begin_s, start_s), 0.0)
    return total
