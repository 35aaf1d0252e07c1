"""Advice on verdicts, in sentences with their numbers."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.stats.comparison import compare
from llenergymeasure.stats.values import UnusableValue
from pytest_llem.verdict.advice import advice_on, advice_on_budget, why_unusable
from pytest_llem.verdict.budget import check_budget

SCATTERED = [math.exp(value) for value in (-0.1, 0.0, 0.1)]


def test_an_improvement_is_to_be_kept():
    assert "--llem-update-baseline" in advice_on(compare([[110.0] * 3], [[100.0] * 3], limit=0.05))


@pytest.mark.parametrize("now", [100.0, 110.0])
def test_a_clear_verdict_of_three_sessions_needs_no_advice(now):
    assert advice_on(compare([[100.0] * 3] * 3, [[now] * 3], limit=0.05)) == ""


@pytest.mark.parametrize(("count", "sessions"), [(1, "1 baseline session"), (2, "2 baseline sessions")])
def test_a_regression_against_few_sessions_states_the_assumption_of_its_level(count, sessions):
    assert advice_on(compare([[100.0] * 3] * count, [[115.0] * 3], limit=0.05)) == (
        f"with {sessions}, llem_alpha 0.01 holds only where sessions differ by at most 2% (llem_noise_floor); 3 sessions show "
        "how much they differ"
    )


def test_a_counted_metric_does_not_rest_on_a_floor():
    assert advice_on(compare([[100.0] * 3], [[115.0] * 3], limit=0.05, noise_floor=0.0)) == ""


def test_too_few_repeats_name_the_side_that_has_them():
    few, none = compare([[1.0] * 3], [[1.0] * 2], limit=0.05), compare([[1.0] * 2], [[1.0] * 3], limit=0.05)
    assert advice_on(few) == "a verdict needs 3 repeats or more, the current run has 2; raise --llem-repeats"
    assert advice_on(none) == "a verdict needs 3 repeats or more, no baseline session has as many; raise --llem-repeats"


def test_an_inconclusive_verdict_reports_the_detectable_change_and_what_would_help():
    found = compare([SCATTERED], [SCATTERED], limit=0.05)
    could_see = 100 * (found.minimum_detectable_ratio - 1)
    sessions, repeats = (100 * (design.minimum_detectable_ratio - 1) for design in found.larger)
    assert advice_on(found) == (
        f"the change is between {100 * (found.ratio_low - 1):+.3g}% and {100 * (found.ratio_high - 1):+.3g}%, and the "
        f"limit is +5%. A change of {could_see:+.3g}% would be detected with probability 0.8; {sessions:+.3g}% with 5 baseline "
        f"sessions (now 1), or {repeats:+.3g}% with 6 repeats (now 3)"
    )


def test_the_limit_of_throughput_is_below_the_baseline():
    found = compare([SCATTERED], [SCATTERED], limit=0.05, higher_is_worse=False)
    assert "and the limit is -4.76%. A change of -" in advice_on(found)


def test_a_change_beyond_the_limit_that_may_be_chance_reports_its_p():
    advice = advice_on(compare([[100.0] * 3], [[106.0] * 3], limit=0.0))
    assert advice.startswith("the change is +6%, but p is 0.026, not below 0.01. A change of ")


def test_advice_on_an_absolute_limit():
    assert advice_on_budget(check_budget([0.40, 0.60, 0.65], 0.5)) == "more repeats narrow the interval: now 3"
    assert advice_on_budget(check_budget([0.40, 0.42, 0.44], 0.5)) == ""
    assert "the current run has 2" in advice_on_budget(check_budget([9.0, 9.0], 0.5))


def test_a_value_that_cannot_be_compared_is_named_with_its_place():
    error = UnusableValue("current", 2, None, above_zero=True)
    assert why_unusable("duration_sec", error) == (
        "duration_sec: current repeat 2 is None; only finite values above zero can be compared"
    )
    with pytest.raises(UnusableValue) as refused:
        check_budget([0.1, math.nan, 0.1], 0.5)
    assert why_unusable("x", refused.value) == "x: current repeat 2 is nan; only finite values can be compared"
