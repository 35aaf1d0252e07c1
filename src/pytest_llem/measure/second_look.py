"""Measures a regression a second time before it fails a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from llenergymeasure import ExperimentConfig, ExperimentResult, _plugin_api
from pytest_llem.baseline.repeats import Repeat, pooling_refusal, repeat_of, sort_repeats
from pytest_llem.measure.measuring import Measuring
from pytest_llem.measure.replay import ReplayError


@dataclass(frozen=True)
class SecondLook:
    """The outcome of a second look.

    Attributes:
        outcome: as text.
        results: repeats that are pooled with the first ones; empty when there are none or they cannot be pooled.
    """

    outcome: str
    results: tuple[ExperimentResult, ...] = ()


def look_again(
    measuring: Measuring,
    config: ExperimentConfig,
    item: pytest.Item,
    wanted: int,
    kept: Sequence[Repeat],
    keep: Callable[[ExperimentResult], None],
) -> SecondLook:
    """Measure again.

    Args:
        measuring: of the pytest run.
        config: the experiment.
        item: the test.
        wanted: number of windows.
        kept: repeats of the first look that count.
        keep: called with each result as soon as it is measured.
    """
    try:
        again, how = measuring.measure_again(config, item, wanted, keep)
    except (_plugin_api.LLEMError, ReplayError) as error:
        return SecondLook(f"not measured again: {error}")
    if not again:
        return SecondLook(how)
    repeats = [repeat_of(each) for each in again]
    found = sort_repeats(repeats, measuring.least_window_s(repeats))
    refusal = pooling_refusal(kept, found.kept)
    if refusal:
        return SecondLook(f"{how}, not pooled: {refusal}")
    dropped = {each.index for each in found.dropped}
    counted = tuple(each for number, each in enumerate(again) if number not in dropped)
    return SecondLook(f"{how}: {len(counted)} more repeats, pooled", counted)
