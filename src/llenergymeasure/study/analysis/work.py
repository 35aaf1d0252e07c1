"""Checks of the runs that no metric shows: unequal work, and drift between the control runs of a cycle."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean, stdev

from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import EQUAL_WORK, Ratio
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.stats.intervals import StandardError

# Fields by which the work differs on purpose.
_OF_WORK = ("n", "dataset", "max_input_tokens", "max_output_tokens", "min_output_tokens")


def unequal_work(design: StudyDesign, rows: Sequence[RunRow]) -> tuple[str, ...]:
    """Ids of cells whose output tokens per request differ by more than 1 % from those of the reference.

    Cells with other lengths or another dataset are compared with the first cell that has the same ones.
    """
    tokens: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        count = row.tokens_per_request
        if count is not None:
            tokens[row.cell].append(count)
    found, base = [], dict[tuple[object, ...], float]()
    of_work = [factor.name for factor in design.factors if any(_sets_work(field) for field in factor.fields)]
    for cell in sorted(design.cells, key=lambda cell: cell.id != design.reference):
        if cell.id in tokens:
            mean = fmean(tokens[cell.id])
            usual = base.setdefault(tuple(cell.levels.get(name) for name in of_work), mean)
            if abs(mean - usual) > EQUAL_WORK * usual:
                found.append(cell.id)
    return tuple(sorted(found))


def _sets_work(field: str) -> bool:
    return field.partition(".")[0] in _OF_WORK


def control_drift(rows: Sequence[RunRow], metric: str) -> Ratio | None:
    """The last control run of a cycle over the first, over all cycles; None without both."""
    values = {
        (row.cycle, row.role): row.per_pass(metric) for row in rows if row.state == "completed" and row.role != "cell"
    }
    cycles = sorted({cycle for cycle, _ in values})
    pairs = [(values.get((cycle, "control_first")), values.get((cycle, "control_last"))) for cycle in cycles]
    steps = [math.log(last / first) for first, last in pairs if first and last and first > 0 and last > 0]
    if not steps:
        return None
    middle = fmean(steps)
    if len(steps) < 2:
        return Ratio(value=math.exp(middle))
    margin = StandardError(stdev(steps) / math.sqrt(len(steps)), len(steps) - 1).margin(0.975)
    return Ratio(value=math.exp(middle), low=math.exp(middle - margin), high=math.exp(middle + margin))
