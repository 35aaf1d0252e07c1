"""Words for a ratio."""

from __future__ import annotations

import pytest

from llenergymeasure.domain.study.effects import Ratio
from llenergymeasure.study.analysis.words.amounts import amount, comparison, could_be_found, difference

NEEDS = "a needs 6.1 times less energy per output token than b "
ENERGY, SPEED = "energy_per_output_token", "tokens_per_second"


@pytest.mark.parametrize(
    ("metric", "ratio", "text"),
    [
        (ENERGY, Ratio(value=6.1, low=5.8, high=6.4), NEEDS + "(95 % interval 5.8 to 6.4)"),
        (ENERGY, Ratio(value=1.25), "a needs 1.2 times less energy per output token than b"),
        (ENERGY, Ratio(value=1.05), "a needs 4.8 % less energy per output token than b"),
        (ENERGY, Ratio(value=0.5), "a needs 2.0 times more energy per output token than b"),
        (SPEED, Ratio(value=3.0, low=2.0, high=4.0), "a gives 3.0 times as many tokens per second as b (95 % interval 2.0 to 4.0)"),
        (SPEED, Ratio(value=1.04), "a gives 4.0 % more tokens per second than b"),
        (SPEED, Ratio(value=0.5), "a gives 2.0 times fewer tokens per second than b"),
        ("ttft_p95_ms", Ratio(value=2.0), "a has a 2.0 times lower time to first token, p95 than b"),
    ],
)  # fmt: skip
def test_a_level_against_another(metric, ratio, text):
    assert comparison(metric, "a", "b", ratio) == text


def test_the_ends_of_an_interval_differ_in_the_figures_that_are_shown():
    assert amount(ENERGY, Ratio(value=1.3, low=1.2999, high=1.3001)) == "1.3 times (1.2999 to 1.3001)"
    assert amount(ENERGY, Ratio(value=100.0, low=98.0, high=103.0)) == "100 times (98 to 103)"


def test_a_study_that_shows_only_huge_differences_shows_nothing():
    assert could_be_found(10.0) == "a difference above a factor of 10 would have been found with probability 0.8"
    assert could_be_found(3.5e15) == "even a factor of 10 could have been missed, so more cycles are needed"


def test_a_difference_alone():
    assert (difference(1.031), difference(1.61), difference(2.3)) == ("3.1 %", "61 %", "a factor of 2.3")
