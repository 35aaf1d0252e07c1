"""How each field of a block becomes one from those of every rank: a rule per field, and no field without one.

A rule takes the blocks in order of rank and the name of the field, so that it may look at other fields too. None means
not known: what is added up or compared is None when one rank has none.
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
    """A block from those of every rank. Nothing is validated again: there may be millions of samples.

    Args:
        blocks: in order of rank.
        rules: by field.
        given: values that need more than the blocks, by field; they take the place of rules.

    Raises:
        LookupError: a field has no rule; names it.
    """
    kind, given = type(blocks[0]), given or {}
    missing = [name for name in kind.model_fields if name not in rules]
    if missing:
        raise LookupError(f"{kind.__name__} has fields without a rule for several ranks: {', '.join(missing)}")
    return kind.model_construct(
        **{name: given[name] if name in given else rules[name](blocks, name) for name in kind.model_fields}
    )


def values(blocks: Sequence[Any], name: str) -> list[Any]:
    """The field of every rank."""
    return [getattr(block, name) for block in blocks]


@dataclass(frozen=True)
class Same:
    """What every rank must have alike; it is checked before anything is combined.

    Attributes:
        what: it is, in words.
        part: attribute to compare; the whole value when empty.
        where_known: whether a rank that has none is no difference.
    """

    what: str
    part: str = ""
    where_known: bool = False

    def __call__(self, blocks: Sequence[Any], name: str) -> Any:
        return next((value for value in values(blocks, name) if value is not None), None)

    def check(self, blocks: Sequence[Any], name: str) -> None:
        """Raise AggregationError when ranks differ; names both values."""
        look = attrgetter(f"{name}.{self.part}" if self.part else name)
        found = {rank: look(block) for rank, block in enumerate(blocks)}
        if self.where_known:
            found = {rank: value for rank, value in found.items() if value is not None}
        refuse_unlike(self.what, found)


def refuse_unlike(what: str, found: Mapping[int, Any]) -> None:
    """Refuse values by rank that differ.

    Raises:
        AggregationError: names the first two that do.
    """
    for rank, value in found.items():
        first = next(iter(found))
        if value != found[first]:
            raise AggregationError(
                f"results are not alike and are not combined: {what} is {found[first]!r} on rank {first} and {value!r} "
                f"on rank {rank}"
            )


@dataclass(frozen=True)
class Block:
    """A block with rules of its own; None when one rank has none."""

    rules: Rules

    def __call__(self, blocks: Sequence[Any], name: str) -> Any:
        return all_or_none(values(blocks, name), lambda found: combined(found, self.rules))


def of_rank_0(why: str) -> Rule:
    """The value of rank 0 stands for all, and why it may."""
    return lambda blocks, name: getattr(blocks[0], name)


def left_out(why: str) -> Rule:
    """None: the whole has no such thing, and why."""
    return lambda blocks, name: None


def given(how: str) -> Rule:
    """What needs more than the blocks, and how it is got; whoever combines gives the value."""

    def refuse(blocks: Sequence[Any], name: str) -> Any:
        raise LookupError(f"{name} is not combined from the blocks of the ranks ({how}), and was not given")

    return refuse


def total(blocks: Sequence[Any], name: str) -> Any:
    """The sum; whole numbers stay whole."""
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
    """Whether it holds on all."""
    return all_or_none(values(blocks, name), all)


def distinct(blocks: Sequence[Any], name: str) -> tuple[Any, ...]:
    """What any of them lists, once."""
    return each_once(chain.from_iterable(values(blocks, name)))


def metrics_in(block: str) -> dict[str, Rule]:
    """Rules of the fields of a block of a result that hold a metric, from the table of metrics."""
    by_ranks: dict[str, Rule] = {"sum": total, "same": of_rank_0("every rank has it alike")}
    facts = [metric for metric in METRICS.values() if metric.path[:1] == (block,) and metric.ranks in by_ranks]
    return {metric.path[1]: by_ranks[metric.ranks] for metric in facts}
