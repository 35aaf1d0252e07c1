"""Estimates the remaining time of a study from its earlier runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from llenergymeasure.domain.study.runs import RunRow


@dataclass(frozen=True)
class Progressed:
    """How far a study is.

    Attributes:
        done: number of runs that ended or were skipped.
        total: number of runs.
        left_s: expected duration of the runs that are left, with their waits, in s; None before the first run has ended.
    """

    done: int
    total: int
    left_s: float | None


class Outlook:
    """Expects that a run takes as long as the earlier runs of its cell, or of all cells, with the waits before them.

    Args:
        rows: all rows of the study.
    """

    def __init__(self, rows: Sequence[RunRow]) -> None:
        self._total = len(rows)
        self._left = Counter(row.cell for row in rows if row.state != "completed")
        self._seen_s: defaultdict[str, list[float]] = defaultdict(list)
        for row in rows:
            self._see(row)

    def ended(self, row: RunRow) -> Progressed:
        """A run has ended."""
        self._left[row.cell] -= 1
        self._see(row)
        return Progressed(self._total - self._left.total(), self._total, self._left_s())

    def again(self, row: RunRow) -> None:
        """A run that had a result is made again."""
        self._left[row.cell] += 1

    def _see(self, row: RunRow) -> None:
        """Record the duration of a run."""
        if row.took_s is not None and row.state in ("completed", "failed"):
            self._seen_s[row.cell].append(row.took_s + row.waited_s)

    def _left_s(self) -> float | None:
        means_s = {cell: fmean(durations) for cell, durations in self._seen_s.items()}
        if not means_s:
            return None
        other_s = fmean(means_s.values())
        return sum(runs * means_s.get(cell, other_s) for cell, runs in self._left.items())
