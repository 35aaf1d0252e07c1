"""The largest full part of a grid with holes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product
from math import prod

# Number of holes that are looked at in all choices together, about a second; after that, the best part found so far is taken.
_MOST_LOOKS = 2_000_000

Levels = tuple[tuple[int, ...], ...]
"""Levels that are kept, by factor."""


def largest_full(shape: Sequence[int], present: Collection[tuple[int, ...]], fixed: Sequence[int] | None) -> Levels:
    """The levels of each factor whose combinations are all present, with the largest number of combinations.

    Args:
        shape: number of levels of each factor.
        present: the combinations that are present.
        fixed: a level of each factor that must stay, such as those of the reference; None if there is no such.
    """
    search = _Search(fixed)
    every = tuple(tuple(range(n)) for n in shape)
    search.follow(every, [place for place in product(*every) if place not in present])
    return search.best or tuple(() for _ in shape)


class _Search:
    """Drops a level of each hole in turn, and follows the most promising choice first."""

    def __init__(self, fixed: Sequence[int] | None) -> None:
        self.best: Levels = ()
        self._size = 0
        self._fixed = fixed
        self._looks = 0

    def follow(self, kept: Levels, holes: Sequence[tuple[int, ...]]) -> None:
        """Look at a part of the grid with these holes."""
        self._looks += len(holes)
        if _size(kept) <= self._size or self._looks > _MOST_LOOKS:
            return
        if not holes:
            self.best, self._size = kept, _size(kept)
            return
        choices = [(axis, level) for axis, level in enumerate(holes[0]) if self._may_go(axis, level)]
        for axis, level in sorted(choices, key=lambda choice: len(kept[choice[0]]), reverse=True):
            self.follow(_without(kept, axis, level), [hole for hole in holes if hole[axis] != level])

    def _may_go(self, axis: int, level: int) -> bool:
        return self._fixed is None or self._fixed[axis] != level


def _size(kept: Levels) -> int:
    return prod(map(len, kept))


def _without(kept: Levels, axis: int, level: int) -> Levels:
    return tuple(
        tuple(each for each in levels if each != level) if at == axis else levels for at, levels in enumerate(kept)
    )
