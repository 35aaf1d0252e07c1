"""Factors whose runs the order keeps together inside a cycle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, combinations, groupby

from llenergymeasure.domain.study.design import Protocol, StudyDesign
from llenergymeasure.domain.study.runs import RunRow

# With more factors the number of sets of factors is too large to look at.
_MOST_FACTORS = 10


def grouped_factors(design: StudyDesign, rows: Sequence[RunRow], protocol: Protocol) -> frozenset[str]:
    """Names of the factors that are constant in each group of the order; empty for other orders.

    It is read from the order itself: the smallest set of factors whose combinations are each adjacent in every cycle.
    """
    if protocol.order != "grouped" or len(design.factors) > _MOST_FACTORS:
        return frozenset()
    cycles = _cycles(design, rows)
    names = [factor.name for factor in design.factors]
    sets: Iterable[tuple[str, ...]] = chain.from_iterable(combinations(names, size) for size in range(1, len(names)))
    together: list[tuple[str, ...]] = [
        chosen for chosen in sets if all(_are_adjacent(cycle, chosen) for cycle in cycles)
    ]
    fewest = min(together, key=lambda chosen: len(_groups(design, chosen)), default=())
    return frozenset(fewest)


def _cycles(design: StudyDesign, rows: Sequence[RunRow]) -> list[list[dict[str, int]]]:
    """Levels of the runs in their order, by cycle."""
    levels = {cell.id: cell.levels for cell in design.cells}
    ordered = sorted((row for row in rows if row.role == "cell"), key=lambda row: (row.cycle, row.place))
    return [[levels[row.cell] for row in runs] for _, runs in groupby(ordered, key=lambda row: row.cycle)]


def _are_adjacent(cycle: Sequence[dict[str, int]], chosen: Sequence[str]) -> bool:
    stretches = [place for place, _ in groupby(tuple(levels.get(name) for name in chosen) for levels in cycle)]
    return len(stretches) == len(set(stretches))


def _groups(design: StudyDesign, chosen: Iterable[str]) -> set[tuple[int | None, ...]]:
    return {tuple(cell.levels.get(name) for name in chosen) for cell in design.cells}
