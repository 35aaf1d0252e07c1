"""Combines the blocks of all ranks into one, with one rule per field; every field needs a rule.

A rule takes the blocks in order of rank and the name of the field, so it can also use other fields. None means not known:
sums and comparisons are None when one rank has no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

from pydantic import BaseModel

from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.exceptions import AggregationError
from llenergymeasure.results.ranks.helpers import all_or_none, each_once

Rule = Callable[[Sequence[Any], str], Any]
Rules = Mapping[str, Rule]
Model = TypeVar("Model", bound=BaseModel)


def combined(blocks: Sequence[Model], rules: Rules, given: Mapping[str, Any] | None = None) -> Model:
    """The combined block. It is not validated again, because there may be millions of samples.

    Args:
        blocks: the blocks in order of rank.
        rules: the rules by field.
        given: values by field that are computed elsewhere and replace rules.

    Raises:
        LookupError: a field has no rule; with its name.
    """
    kind, given = type(blocks[0]), given or {}
    missing = [name for name in kind.model_fields if name not in rules]
    if missing:
        raise LookupError(f"{kind.__name__} has fields without a rule for several ranks: {', '.join(missing)}")
    return kind.model_construct(
        **{name: given[name] if name in given else rules[name](blocks, name) for name in kind.model_fields}
    )


def values(blocks: Sequence[Any], name: str) -> list[Any]:
    """The values of the field, in order of rank."""
    return [getattr(block, name) for block in blocks]


@dataclass(frozen=True)
class Same:
    """A value that must be equal on every rank; it is checked before combining.

    Attributes:
        what: name of the value, for messages.
        part: attribute to compare; the whole value when empty.
        where_known: whether ranks without a value are ignored.
    """

    what: str
    part: str = ""
    where_known: bool = False

    def __call__(self, blocks: Sequence[Any], name: str) -> Any:
        return next((value for value in values(blocks, name) if value is not None), None)

    def check(self, blocks: Sequence[Any], name: str) -> None:
        """Raise AggregationError, with both values, when ranks differ."""
        look = attrgetter(f"{name}.{self.part}" if self.part else name)
        found = {rank: look(block) for rank, block in enumerate(blocks)}
        if self.where_known:
            found = {rank: value for rank, value in found.items() if value is not None}
        refuse_unlike(self.what, found)


def refuse_unlike(what: str, found: Mapping[int, Any]) -> None:
    """Refuse values by rank that differ.

    Raises:
        AggregationError: two values differ; with the first difference.
    """
    for rank, value in found.items():
        first = next(iter(found))
        if value != found[first]:
            raise AggregationError(
                f"results differ and are not combined: {what} is {found[first]!r} on rank {first} and {value!r} on rank "
                f"{rank}"
            )


@dataclass(frozen=True)
class Block:
    """A nested block with its own rules; None when one rank has none."""

    rules: Rules

    def __call__(self, blocks: Sequence[Any], name: str) -> Any:
        return all_or_none(values(blocks, name), lambda found: combined(found, self.rules))


def of_rank_0(why: str) -> Rule:
    """Use the value of rank 0 for all; `why` states why this is valid."""
    return lambda blocks, name: getattr(blocks[0], name)


def left_out(why: str) -> Rule:
    """Use None; `why` states why the combined result has no such value."""
    return lambda blocks, name: None


def given(how: str) -> Rule:
    """The value is computed by the caller of `combined`; `how` states how."""

    def refuse(blocks: Sequence[Any], name: str) -> Any:
        raise LookupError(f"{name} is not combined from the blocks of the ranks ({how}), and was not given")

    return refuse


def total(blocks: Sequence[Any], name: str) -> Any:
    """The sum; a sum of integers is an integer."""
    return all_or_none(values(blocks, name), _added)


def _added(found: list[Any]) -> Any:
    return sum(found) if all(isinstance(value, int) for value in found) else math.fsum(found)


def most(blocks: Sequence[Any], name: str) -> Any:
    """The largest, or the latest."""
    return all_or_none(values(blocks, name), max)


def least(blocks: Sequence[Any], name: str) -> Any:
    """The smallest, or the earliest."""
    return all_or_none(values(blocks, name), min)


def every(blocks: Sequence[Any], name: str) -> Any:
    """Whether it is true on all ranks."""
    return all_or_none(values(blocks, name), all)


def distinct(blocks: Sequence[Any], name: str) -> tuple[Any, ...]:
    """The items that any rank lists, each once."""
    return each_once(chain.from_iterable(values(blocks, name)))


def metrics_in(block: str) -> dict[str, Rule]:
    """Rules of the fields of a block that contain a metric, from the table of metrics."""
    by_ranks: dict[str, Rule] = {"sum": total, "same": of_rank_0("it is equal on every rank")}
    found = [metric for metric in METRICS.values() if metric.path[:1] == (block,) and metric.ranks in by_ranks]
    return {metric.path[1]: by_ranks[metric.ranks] for metric in found}
