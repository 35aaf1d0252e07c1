"""The largest full part of a grid with holes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product
from math import prod

# Number of choices that are looked at; with more holes than that can follow, the best part found so far is taken.
_MOST_STEPS = 20_000

Levels = tuple[tuple[int, ...], ...]
"""Levels that are kept, by factor."""


def largest_full(shape: Sequence[int], present: Collection[tuple[int, ...]], fixed: Sequence[int] | None) -> Levels:
    """The levels of each factor whose combinations are all present, with the largest number of combinations.

    Args:
        shape: number of levels of each factor.
        present: the combinations that are present.
        fixed: a level of each factor that must stay, such as those of the reference; None if there is no such.
    """
    search = _Search(tuple(shape), frozenset(present), fixed)
    search.follow(tuple(tuple(range(n)) for n in shape))
    return search.best


class _Search:
    """Drops a level of each hole in turn, and follows the most promising choice first."""

    def __init__(
        self, shape: tuple[int, ...], present: frozenset[tuple[int, ...]], fixed: Sequence[int] | None
    ) -> None:
        self.best: Levels = tuple(() for _ in shape)
        self._fixed = fixed
        self._holes = [place for place in product(*map(range, shape)) if place not in present]
        self._steps = 0

    def follow(self, kept: Levels) -> None:
        self._steps += 1
        if _size(kept) <= _size(self.best) or self._steps > _MOST_STEPS:
            return
        hole = next((hole for hole in self._holes if _inside(hole, kept)), None)
        if hole is None:
            self.best = kept
            return
        choices = [_without(kept, axis, level) for axis, level in enumerate(hole) if self._may_go(axis, level)]
        for choice in sorted(choices, key=_size, reverse=True):
            self.follow(choice)

    def _may_go(self, axis: int, level: int) -> bool:
        return self._fixed is None or self._fixed[axis] != level


def _size(kept: Levels) -> int:
    return prod(map(len, kept))


def _inside(hole: tuple[int, ...], kept: Levels) -> bool:
    return all(level in levels for level, levels in zip(hole, kept))


def _without(kept: Levels, axis: int, level: int) -> Levels:
    return tuple(
        tuple(each for each in levels if each != level) if at == axis else levels for at, levels in enumerate(kept)
    )
