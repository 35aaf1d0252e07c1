"""Whether a cell keeps limits: by the means of its runs, by its requests that failed, and by its runs that failed.

A failed request, and a run in which the server answered no request, are later than every limit. Any other run without a result
says nothing about the limits, so that a cell with one is not known to keep them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, geometric_mean

from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.curves import Mean
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.domain.traffic.result import MOST_FAILED

# The percentiles of the inter-token latency.
INTERVALS = frozenset(name for name, metric in METRICS.items() if metric.path[:2] == ("latency", "itl"))

Answer = tuple[bool | None, bool]
"""Whether the limits are kept (None = not known), and whether that is certain."""


@dataclass
class CellRuns:
    """The runs of a cell that have ended.

    Attributes:
        completed: those with a result.
        failed: those that failed, or were not tried after a failure that lasts.
    """

    completed: list[RunRow] = field(default_factory=list)
    failed: list[RunRow] = field(default_factory=list)

    @property
    def unanswered(self) -> int:
        """The number of runs in which the server answered no request, or too few for a result."""
        return sum(row.failure is not None and row.failure.kind == "unanswered" for row in self.failed)

    @property
    def failed_shares(self) -> list[float]:
        """The share of the requests that failed in each run with a result."""
        return [row.failed_share for row in self.completed if row.failed_share is not None]

    @property
    def reason(self) -> str | None:
        """Why the first of the failed runs has no result; None without one."""
        return next((row.failure.message for row in self.failed if row.failure is not None), None)

    def values(self) -> dict[str, list[float]]:
        """The values of each metric in the runs with a result."""
        found: dict[str, list[float]] = defaultdict(list)
        for row in self.completed:
            for name, value in row.values.items():
                if value is not None:
                    found[name].append(value)
        return found

    @property
    def without_intervals(self) -> bool:
        """Whether no answer of a server had an interval between tokens, so that none was longer than a limit."""
        served = [row for row in self.completed if row.failed_share is not None]
        values = [row.values.get(name) for row in served for name in INTERVALS]
        return bool(served) and len(served) == len(self.completed) and not any(value is not None for value in values)

    def keeps(self, means: Mapping[str, Mean], limits: Mapping[str, float]) -> Answer:
        """Whether it keeps the limits.

        Args:
            means: the means over the runs with a result.
            limits: at most, or at least where higher is better.
        """
        exceedable = {name: limits[name] for name in limits if not (name in INTERVALS and self.without_intervals)}
        inside, certain = keeps_limits(means, exceedable) if exceedable or not limits else (True, True)
        surely_outside = inside is False and certain
        if limits and self.unanswered:
            return False, surely_outside or not self.completed
        if limits and any(self._broken_by_failed_requests(limits)):
            return False, surely_outside or min(self.failed_shares, default=0.0) > MOST_FAILED
        return (None, False) if self.failed and inside else (inside, certain)

    def _broken_by_failed_requests(self, limits: Mapping[str, float]) -> Iterable[bool]:
        """Whether too many requests failed, and whether a mean is outside when they count as later than all others."""
        yield bool(self.failed_shares) and fmean(self.failed_shares) > MOST_FAILED
        for name, limit in limits.items():
            yield any(name in row.of_sent for row in self.completed) and not self._all_sent_within(name, limit)

    def _all_sent_within(self, metric: str, limit: float) -> bool:
        values = [row.of_sent.get(metric, row.values.get(metric)) for row in self.completed]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return False
        return (geometric_mean(known) if min(known) > 0 else fmean(known)) <= limit


def runs_by_cell(rows: Sequence[RunRow]) -> dict[str, CellRuns]:
    """The runs of the grid that have ended, by the id of their cell."""
    found: dict[str, CellRuns] = defaultdict(CellRuns)
    for row in rows:
        if row.role == "cell" and row.state == "completed":
            found[row.cell].completed.append(row)
        elif row.role == "cell" and row.failure is not None:
            found[row.cell].failed.append(row)
    return found


def keeps_limits(means: Mapping[str, Mean], limits: Mapping[str, float]) -> Answer:
    """Whether the means are inside all limits, and whether their intervals show it."""
    sides = [_side(name, means[name], limit) for name, limit in limits.items() if name in means]
    outside = [certain for inside, certain in sides if not inside]
    if outside:
        return False, any(outside)
    if not limits or len(sides) < len(limits):
        return None, False
    return True, all(certain for _, certain in sides)


def _side(name: str, mean: Mean, limit: float) -> tuple[bool, bool]:
    """Whether a mean is inside its limit, and whether its interval is on the same side."""
    lower = METRICS[name].better == "lower"
    inside = mean.value <= limit if lower else mean.value >= limit
    end = mean.high if inside == lower else mean.low
    return inside, end is not None and (end <= limit if inside == lower else end >= limit)
