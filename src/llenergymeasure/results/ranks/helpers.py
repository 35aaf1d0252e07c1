"""Helper functions for combining values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from llenergymeasure.exceptions import AggregationError

T = TypeVar("T")
Whole = TypeVar("Whole")


def all_or_none(values: Sequence[T | None], combine: Callable[[list[T]], Whole]) -> Whole | None:
    """The combined values; None when one is missing."""
    known = [value for value in values if value is not None]
    return combine(known) if len(known) == len(values) else None


def interleaved(shares: Sequence[Sequence[T]]) -> tuple[T, ...]:
    """The first of each, the second of each, and so on, which undoes a round-robin split. Later shares may be one shorter.

    Raises:
        AggregationError: the lengths are not those of a round-robin split.
    """
    shortest = len(shares[-1])
    longer = [share for share in shares if len(share) == shortest + 1]
    if [len(share) for share in shares] != [shortest + 1] * len(longer) + [shortest] * (len(shares) - len(longer)):
        raise AggregationError(
            "prompts were not split round-robin over the ranks, which have "
            f"{', '.join(str(len(share)) for share in shares)}"
        )
    return tuple(chain(chain.from_iterable(zip(*shares)), (share[-1] for share in longer)))


def by_pass(shares: Sequence[Sequence[T]], n_passes: int) -> Iterator[list[Sequence[T]]]:
    """The samples of each pass, of all ranks: every rank has the same number of samples in each pass."""
    for number in range(n_passes):
        yield [share[number * len(share) // n_passes : (number + 1) * len(share) // n_passes] for share in shares]


def in_a_row(parts: Sequence[Sequence[T]]) -> tuple[T, ...]:
    """The parts, one after the other."""
    return tuple(chain.from_iterable(parts))


def each_once(values: Iterable[T]) -> tuple[T, ...]:
    """The values without repeats, in order."""
    return tuple(dict.fromkeys(values))
