"""Small helpers of everything that combines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeVar

from llenergymeasure.exceptions import AggregationError

T = TypeVar("T")


def all_or_none(values: Sequence[T | None], combine: Callable[[list[T]], Any]) -> Any:
    """Combined when all are there; None when one is missing."""
    there = [value for value in values if value is not None]
    return combine(there) if len(there) == len(values) else None


def in_turn(dealt: Sequence[Sequence[T]]) -> tuple[T, ...]:
    """The first of each, the second of each, and so on: undoes dealing out. Later hands may be one shorter.

    Raises:
        AggregationError: these are not hands of one deal.
    """
    shortest = len(dealt[-1])
    longer = [hand for hand in dealt if len(hand) == shortest + 1]
    if [len(hand) for hand in dealt] != [shortest + 1] * len(longer) + [shortest] * (len(dealt) - len(longer)):
        raise AggregationError(
            f"prompts were not dealt out in turn: {', '.join(str(len(hand)) for hand in dealt)} each"
        )
    return tuple(chain(chain.from_iterable(zip(*dealt)), (hand[-1] for hand in longer)))


def in_a_row(parts: Sequence[Sequence[T]]) -> tuple[T, ...]:
    """One after the other."""
    return tuple(chain.from_iterable(parts))


def each_once(values: Iterable[T]) -> tuple[T, ...]:
    """Without repeats, in order."""
    return tuple(dict.fromkeys(values))
