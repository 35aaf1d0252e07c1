"""Checks that the windows of the processes overlap, and collects the warnings of single processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from llenergymeasure.domain.warnings import MeasurementWarning, warning
from llenergymeasure.results.ranks.files import ProcessResult

# Warnings from a process's own sensors; all others are computed again from the combined numbers.
OWN_WARNINGS = frozenset(
    {
        "meter_problem",
        "baseline_problem",
        "thermal_drift_detected",
        "throttling_detected",
        "foreign_process",
        "sampling_gap",
        "sensor_may_alias",
    }
)
# All windows open and close at a barrier. Less overlap means that clocks differ or that the barrier failed.
MIN_OVERLAP = 0.9


def own_warnings(processes: Sequence[ProcessResult]) -> Iterator[MeasurementWarning]:
    """Warnings of single processes, with their rank."""
    for rank, process in enumerate(processes):
        yield from (each.of_rank(rank) for each in process.result.warnings if each.code in OWN_WARNINGS)


def overlap_warnings(processes: Sequence[ProcessResult]) -> Iterator[MeasurementWarning]:
    """A warning when the windows have too little time in common."""
    starts = [one.facts.start_utc_s for one in processes]
    ends = [one.facts.end_utc_s for one in processes]
    common_s = min(ends) - max(starts)
    if common_s <= 0:
        yield warning(
            "processes_not_side_by_side",
            f"the windows of the processes do not overlap (gap {-common_s:.3g} s): throughput is not that of processes "
            "in parallel",
            "check the clocks of the machines and run again",
            gap_s=-common_s,
        )
        return
    share = common_s / fmean([end - start for start, end in zip(starts, ends)])
    if share < MIN_OVERLAP:
        yield warning(
            "processes_barely_overlap",
            f"the windows of the processes share {100 * share:.3g} % of their time, below {100 * MIN_OVERLAP:g} %",
            "check the clocks of the machines and run again",
            share=share,
            least=MIN_OVERLAP,
        )
