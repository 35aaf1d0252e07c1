"""Checks whether a power sensor that measures a part of each period covers the whole of a periodic load.

```
 load    |#####.....|#####.....|#####.....|     repeats every 50 ms
 sensor   ==                 ==                 measures for 25 ms of every 100 ms: always the same part of the load
```
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median, pstdev

from llenergymeasure.domain.result_data import ResultData
from llenergymeasure.domain.warnings import MeasurementWarning, warning

# A tenth of the load unmeasured changes the mean by at most a tenth of the range between its lowest and highest power.
MAX_UNSEEN_SHARE = 0.10


def unseen_share(
    load_period_s: float, sensor_period_s: float, looks_for_s: float, duration_s: float, spread_s: float = 0.0
) -> float:
    """The share of the shorter of the load's and the sensor's period that is never measured.

    From one measurement to the next, the sensor shifts relative to the load by the remainder of the longer period divided
    by the shorter one, and at random when the load's periods vary. The window is long enough when these shifts, together
    with one measurement, cover the shorter period.

    Args:
        load_period_s: period of the load in s.
        sensor_period_s: time between two measurements of the sensor in s.
        looks_for_s: duration of one measurement in s.
        duration_s: length of the window in s.
        spread_s: standard deviation of the load's period in s.

    Returns:
        From 0 (all of it is measured) to below 1.
    """
    shorter_s, longer_s = sorted((load_period_s, sensor_period_s))
    if shorter_s <= looks_for_s:
        return 0.0
    left_over_s = longer_s % shorter_s
    step_s = min(left_over_s, shorter_s - left_over_s)
    at_random_s = spread_s * math.sqrt(duration_s / load_period_s)
    return max(0.0, 1.0 - (looks_for_s + step_s * duration_s / longer_s + at_random_s) / shorter_s)


def aliasing(draft: ResultData) -> Iterator[MeasurementWarning]:
    """A warning when the sensor may measure only a part of a periodic load."""
    report = draft.sampler
    if (
        report is None
        or report.sensor_period_s is None
        or report.sensor_window_s is None
        or draft.energy.energy_j is None
    ):
        return
    for what, period_s, spread_s in _periods(draft):
        share = unseen_share(period_s, report.sensor_period_s, report.sensor_window_s, draft.duration_sec, spread_s)
        if share > MAX_UNSEEN_SHARE:
            yield warning(
                "sensor_may_alias",
                f"{what} repeat every {1e3 * period_s:.3g} ms, and the power sensor measures {1e3 * report.sensor_window_s:.3g} "
                f"ms of every {1e3 * report.sensor_period_s:.3g} ms: it may miss {100 * share:.2g} % of them",
                "measure for longer, or compare with another number of prompts at the same time",
                load_period_s=period_s,
                sensor_period_s=report.sensor_period_s,
                sensor_window_s=report.sensor_window_s,
                unseen_share=share,
            )


def _periods(draft: ResultData) -> Iterator[tuple[str, float, float]]:
    """Name, period in s and spread in s of periodic loads: decode steps, and batches if there are at least three."""
    if draft.latency is not None and draft.latency.itl is not None:
        yield "decode steps", draft.latency.itl.p50_ms / 1e3, (draft.latency.itl.std_ms or 0.0) / 1e3
    starts_s = [batch.start_s for batch in draft.timeline.batches] if draft.timeline is not None else []
    if len(starts_s) > 2:
        periods_s = [after - before for before, after in zip(starts_s, starts_s[1:])]
        yield "batches", median(periods_s), pstdev(periods_s)
