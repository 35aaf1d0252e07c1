"""Checks that the values that must be equal on all ranks are equal, before results are combined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llenergymeasure.core.backends.registry import BACKENDS
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.results.ranks.fields import RESULT
from llenergymeasure.results.ranks.rules import Block, Rules, Same, refuse_unlike, values


def check_same(results: Sequence[ExperimentResult]) -> None:
    """Refuse results that differ in a value that must be equal.

    Args:
        results: the results in order of rank.

    Raises:
        AggregationError: the first difference, with both values and ranks.
    """
    _check(results, RESULT)
    for package in BACKENDS[results[0].config.backend].distributions:
        found = {rank: one.environment_snapshot.packages.get(package) for rank, one in enumerate(results)}
        refuse_unlike(package, found)


def _check(blocks: Sequence[Any], rules: Rules) -> None:
    for name, rule in rules.items():
        if isinstance(rule, Same):
            rule.check(blocks, name)
        elif isinstance(rule, Block) and None not in values(blocks, name):
            _check(values(blocks, name), rule.rules)
