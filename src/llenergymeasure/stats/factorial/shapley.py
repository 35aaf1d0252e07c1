"""Shapley values: the only complete division of a total that treats all parts equally.

Shapley, "A Value for n-Person Games" (1953).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import combinations
from math import comb

from llenergymeasure.stats.factorial.grid import Term

# The number of values that are needed doubles with each part.
MOST_PARTS = 12


def shapley(n_parts: int, value: Callable[[frozenset[int]], float]) -> tuple[float, ...]:
    """The contribution of each part to the value of all parts together.

    Args:
        n_parts: number of parts, at most 12.
        value: the value of a set of parts; called once for each set.
    """
    known = lru_cache(maxsize=None)(value)
    return tuple(_contribution(part, n_parts, known) for part in range(n_parts))


def _contribution(part: int, n_parts: int, value: Callable[[frozenset[int]], float]) -> float:
    others = [other for other in range(n_parts) if other != part]
    total = 0.0
    for size in range(n_parts):
        gains = (value(frozenset((*chosen, part))) - value(frozenset(chosen)) for chosen in combinations(others, size))
        total += sum(gains) / (n_parts * comb(n_parts - 1, size))
    return total


def divided(values: Mapping[Term, float], n_parts: int) -> tuple[float, ...]:
    """The value of each term in equal parts to its factors: their Shapley value where values of terms add up."""
    totals = [0.0] * n_parts
    for term, value in values.items():
        for axis in term:
            totals[axis] += value / len(term)
    return tuple(totals)
