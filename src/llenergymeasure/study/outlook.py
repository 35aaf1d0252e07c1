"""How much of a study is left, from what was seen of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

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

    It is kept up to date run by run, so that it costs the same in a long study.

    Args:
        rows: all rows of the study.
    """

    def __init__(self, rows: Sequence[RunRow]) -> None:
        self._total = len(rows)
        self._left = Counter(row.cell for row in rows if row.state != "completed")
        self._n_left = self._left.total()
        self._means: dict[str, float] = {}
        self._counts: Counter[str] = Counter()
        self._sum_of_means = self._seen_left_s = 0.0
        self._unseen_left = self._n_left
        for row in rows:
            self._see(row)

    def ended(self, row: RunRow) -> Progressed:
        """A run has ended."""
        self._left[row.cell] -= 1
        self._n_left -= 1
        if row.cell in self._means:
            self._seen_left_s -= self._means[row.cell]
        else:
            self._unseen_left -= 1
        self._see(row)
        return Progressed(self._total - self._n_left, self._total, self._left_s())

    def _see(self, row: RunRow) -> None:
        """Take the duration of a run into the mean of its cell."""
        if row.took_s is None or row.state not in ("completed", "failed"):
            return
        old, left = self._means.get(row.cell), self._left[row.cell]
        self._counts[row.cell] += 1
        new = (old or 0.0) + (row.took_s + row.waited_s - (old or 0.0)) / self._counts[row.cell]
        self._means[row.cell] = new
        self._sum_of_means += new - (old or 0.0)
        self._seen_left_s += left * (new - (old or 0.0))
        self._unseen_left -= left if old is None else 0

    def _left_s(self) -> float | None:
        if not self._means:
            return None
        return max(0.0, self._seen_left_s + self._unseen_left * self._sum_of_means / len(self._means))
