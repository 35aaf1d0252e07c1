"""The Pareto front of two quantities."""

from __future__ import annotations

from collections.abc import Sequence


def efficient(points: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Whether no other point is at least as good in both and better in one. Both are better when they are lower."""
    order = sorted(range(len(points)), key=lambda place: points[place])
    found = [False] * len(points)
    lowest, last = float("inf"), None
    for place in order:
        second = points[place][1]
        found[place] = second < lowest or points[place] == last
        if second < lowest:
            lowest, last = second, points[place]
    return tuple(found)
