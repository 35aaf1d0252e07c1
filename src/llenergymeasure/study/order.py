"""The order of the runs of a study. The same arguments give the same order on every machine.

```
 shuffled      each cycle in its own random order
 interleaved   each cycle in the order of the cells
 sequential    all cycles of a cell together
 grouped       as shuffled, but cells that load the same model in the same way are adjacent
```
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from llenergymeasure.config.study.models import CycleOrder
from llenergymeasure.domain.study.runs import Role

# A place in the order: cell, cycle and role.
Place = tuple[str, int, Role]


def order_of(
    order: CycleOrder, cells: Sequence[str], cycles: Sequence[int], seed: int, groups: Mapping[str, str]
) -> Iterator[Place]:
    """The runs of some cycles in their order, without control runs.

    Args:
        order: the kind of order.
        cells: ids of the cells, in the order of the design.
        cycles: numbers of the cycles, from 1. The order of a cycle does not depend on the other cycles.
        seed: seed of the random orders.
        groups: by cell, what it loads; used by `grouped`.
    """
    if order == "sequential":
        yield from ((cell, cycle, "cell") for cell in cells for cycle in cycles)
        return
    for cycle in cycles:
        chance = random.Random(f"{seed}:{cycle}")  # noqa: S311 - an order, not a secret
        for cell in _cycle(order, cells, chance, groups):
            yield cell, cycle, "cell"


def _cycle(order: CycleOrder, cells: Sequence[str], chance: random.Random, groups: Mapping[str, str]) -> list[str]:
    if order == "interleaved":
        return list(cells)
    if order == "shuffled":
        return _shuffled(cells, chance)
    members: dict[str, list[str]] = {}
    for cell in cells:
        members.setdefault(groups[cell], []).append(cell)
    return [cell for group in _shuffled(list(members), chance) for cell in _shuffled(members[group], chance)]


def _shuffled(values: Sequence[str], chance: random.Random) -> list[str]:
    found = list(values)
    chance.shuffle(found)
    return found


def with_controls(places: Sequence[Place], reference: str) -> Iterator[Place]:
    """The order with a run of the reference before the first and after the last run of each cycle."""
    first = {cycle: index for index, (_, cycle, _) in reversed(list(enumerate(places)))}
    last = {cycle: index for index, (_, cycle, _) in enumerate(places)}
    for index, place in enumerate(places):
        cycle = place[1]
        if index == first[cycle]:
            yield reference, cycle, "control_first"
        yield place
        if index == last[cycle]:
            yield reference, cycle, "control_last"
