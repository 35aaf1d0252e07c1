"""Whether a power sensor that sleeps between its looks can see the whole of a load that repeats.

```
 load    |#####.....|#####.....|#####.....|     repeats every 50 ms
 sensor   ==                 ==                 looks for 25 ms, every 100 ms: always at the same part of the load
```
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median, pstdev

from llenergymeasure.domain.result_data import ResultData
from llenergymeasure.domain.warnings import MeasurementWarning, warning

# A tenth of the load unseen changes the mean by at most a tenth of the swing between its lowest and highest power.
MAX_UNSEEN_SHARE = 0.10


def unseen_share(
    load_period_s: float, sensor_period_s: float, looks_for_s: float, duration_s: float, spread_s: float = 0.0
) -> float:
    """The share of the load's or of the sensor's period, whichever is shorter, that no look falls on.

    From look to look the sensor moves along the load by what one period leaves over the other, and periods of unequal length
    move it at random. The window is long enough when these steps, together with a single look, cover the shorter period.

    Args:
        load_period_s: after how long the load repeats.
        sensor_period_s: time between two looks.
        looks_for_s: length of a look.
        duration_s: length of the window.
        spread_s: standard deviation of the load's period.

    Returns:
        From 0 (all of it is seen) to below 1.
    """
    shorter_s, longer_s = sorted((load_period_s, sensor_period_s))
    if shorter_s <= looks_for_s:
        return 0.0
    left_over_s = longer_s % shorter_s
    step_s = min(left_over_s, shorter_s - left_over_s)
    at_random_s = spread_s * math.sqrt(duration_s / load_period_s)
    return max(0.0, 1.0 - (looks_for_s + step_s * duration_s / longer_s + at_random_s) / shorter_s)


def aliasing(draft: ResultData) -> Iterator[MeasurementWarning]:
    """A warning for a load whose period the sensor's may be tied to."""
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
                f"{what} repeat every {1e3 * period_s:.3g} ms, and the power sensor looks for {1e3 * report.sensor_window_s:.3g} "
                f"ms in every {1e3 * report.sensor_period_s:.3g} ms: it may not see {100 * share:.2g} % of them",
                "measure for longer, or compare with another batch size",
                load_period_s=period_s,
                sensor_period_s=report.sensor_period_s,
                sensor_window_s=report.sensor_window_s,
                unseen_share=share,
            )


def _periods(draft: ResultData) -> Iterator[tuple[str, float, float]]:
    """What repeats in the window, after how long, and its spread: decode steps, and batches where there are at least three."""
    if draft.latency is not None and draft.latency.itl is not None:
        yield "decode steps", draft.latency.itl.p50_ms / 1e3, (draft.latency.itl.std_ms or 0.0) / 1e3
    starts_s = [batch.start_s for batch in draft.timeline.batches] if draft.timeline is not None else []
    if len(starts_s) > 2:
        periods_s = [after - before for before, after in zip(starts_s, starts_s[1:])]
        yield "batches", median(periods_s), pstdev(periods_s)
