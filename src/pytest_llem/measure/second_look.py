"""A regression is measured a second time before it fails a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llenergymeasure import ExperimentConfig, ExperimentResult, _plugin_api
from pytest_llem.baseline.repeats import Repeat, pooling_refusal, repeat_of, sort_repeats
from pytest_llem.measure.measuring import Measuring
from pytest_llem.measure.replay import ReplayError


@dataclass(frozen=True)
class SecondLook:
    """What became of it.

    Attributes:
        outcome: in words.
        results: repeats that join the first ones; empty when they may not, or when there are none.
    """

    outcome: str
    results: tuple[ExperimentResult, ...] = ()


def look_again(
    measuring: Measuring, config: ExperimentConfig, test: str, wanted: int, kept: Sequence[Repeat]
) -> SecondLook:
    """Measure once more.

    Args:
        measuring: measures.
        config: the experiment.
        test: whose recorded joules to take.
        wanted: windows.
        kept: repeats of the first look that count.
    """
    try:
        again, how = measuring.measure_again(config, test, wanted)
    except (_plugin_api.LLEMError, ReplayError) as error:
        return SecondLook(f"not measured again: {error}")
    if not again:
        return SecondLook(how)
    found = sort_repeats([repeat_of(each) for each in again], measuring.least_window_s(again))
    refusal = pooling_refusal(kept, found.kept)
    if refusal:
        return SecondLook(f"{how}, not pooled: {refusal}")
    dropped = {each.index for each in found.dropped}
    counted = tuple(each for number, each in enumerate(again) if number not in dropped)
    return SecondLook(f"{how}: {len(counted)} more repeats, pooled", counted)
