"""The verdict: numbers that can be checked by hand, then seeded runs of the whole rule."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from llenergymeasure.stats.comparison import compare
from llenergymeasure.stats.intervals import StandardError
from llenergymeasure.stats.values import UnusableValue

FLOOR = math.log(1.02)
# scipy.stats.t (1.17.1): ppf(0.95, df) and sf(t, df) at the degrees of freedom worked out by hand.
T95_AT_18 = 1.7340636066175388
P_AT_18 = 0.0015840998900306157
T95_AT_22_674 = 1.7149040541656133
T95_AT_5 = 2.0150483733330233
P_AT_5 = 0.029127553732362615


def judged(baseline, current, limit=0.05, **options):
    return compare(baseline, [current], limit=limit, **options)


def counted(baseline, current, limit):
    """Counted values do not differ between sessions."""
    return compare(baseline, [current], limit=limit, noise_floor=0.0)


def throughput(baseline, current):
    return judged(baseline, current, higher_is_worse=False)


def logs(*values):
    return [math.exp(value) for value in values]


def test_without_scatter_only_the_floor_between_sessions_is_left():
    found = judged([[100.0] * 3], [110.0] * 3)
    error = FLOOR * math.sqrt(2)  # one baseline session and the current one
    assert found.verdict == "regression"
    assert found.ratio == pytest.approx(1.1)
    assert found.p_value == pytest.approx(P_AT_18)
    assert found.ratio_low == pytest.approx(1.1 * math.exp(-T95_AT_18 * error))
    assert found.ratio_high == pytest.approx(1.1 * math.exp(T95_AT_18 * error))
    assert (found.within_cv, found.n_baseline_sessions, found.limit_ratio) == (0.0, 1, pytest.approx(1.05))


def test_equal_values_are_within_the_default_limit_even_of_one_session():
    assert judged([[100.0] * 3], [100.0] * 3).verdict == "ok"


def test_the_spread_of_repeats_is_pooled_and_its_degrees_of_freedom_are_satterthwaites():
    found = judged([logs(0.03, 0.01, 0.05, 0.03)], logs(0.11, 0.09, 0.13, 0.11))
    within = (2 * 0.0008) / 6  # squares of 0.02 over 3 + 3 degrees of freedom
    error = math.sqrt(within * (1 / 4 + 1 / 4) + FLOOR**2 * 2)
    t95 = T95_AT_22_674  # (w/2 + 2 s)^2 over (w/2)^2 / 6 + (2 s)^2 / 18
    assert found.ratio == pytest.approx(math.exp(0.08))
    assert found.within_cv == pytest.approx(math.sqrt(math.expm1(within)))
    assert found.ratio_high == pytest.approx(math.exp(0.08 + t95 * error), rel=1e-9)
    assert found.verdict == "regression"  # p is 0.007


def test_five_sessions_show_how_much_they_differ():
    means = (-0.04, -0.02, 0.0, 0.02, 0.04)
    found = judged([logs(m - 0.02, m + 0.02, m, m) for m in means], logs(0.06, 0.10, 0.08, 0.08))
    within = (6 * 0.0008) / 18
    assumed = within * (1 / 20 + 1 / 4) + FLOOR**2 * 6 / 5
    seen = 0.001 * 6 / 5  # the means have variance 0.004 / 4
    error = math.sqrt((assumed + 4 * seen) / 5)
    assert found.ratio_low == pytest.approx(math.exp(0.08 - T95_AT_5 * error), rel=1e-9)
    assert found.p_value == pytest.approx(P_AT_5, rel=1e-9)
    assert found.verdict == "inconclusive"


def test_sessions_that_agree_narrow_the_bounds_but_not_below_a_guess():
    found = judged([logs(-0.02, 0.02, 0.0, 0.0)] * 5, logs(-0.02, 0.02, 0.0, 0.0))
    assumed = 0.0008 / 3 * (1 / 20 + 1 / 4) + FLOOR**2 * 6 / 5
    assert found.ratio_high == pytest.approx(math.exp(T95_AT_5 * math.sqrt(assumed / 5)), rel=1e-9)
    assert found.verdict == "ok"


def test_two_sessions_that_differ_much_are_not_judged_by_the_floor_alone():
    agreeing, differing = ([[100.0] * 3, [second] * 3] for second in (100.0, 110.0))
    assert judged(agreeing, [112.0] * 3).verdict == "regression"
    assert judged(differing, [117.0] * 3).verdict == "inconclusive"


def test_few_sessions_that_happen_to_agree_do_not_make_the_assumed_error_smaller():
    one, three = judged([[100.0] * 3], [105.5] * 3), judged([[100.0] * 3] * 3, [105.5] * 3)
    error = FLOOR * math.sqrt(4 / 3)
    assert three.p_value == pytest.approx(StandardError(error, 18).p_value(math.log(1.055)))
    assert one.verdict == three.verdict == "inconclusive"


def test_repeats_that_drift_count_as_fewer():
    steady = judged([logs(0.0, 0.02, 0.01)], logs(0.08, 0.10, 0.09))
    drifting = judged([logs(0.0, 0.01, 0.02)], logs(0.08, 0.09, 0.10))
    assert (steady.verdict, drifting.verdict) == ("regression", "inconclusive")
    assert steady.within_cv == pytest.approx(drifting.within_cv)


def test_a_second_look_is_a_session_of_its_own():
    first, second = [108.0] * 3, [107.0] * 3
    apart, together = compare([[100.0] * 3], [first, second], limit=0.05), judged([[100.0] * 3], first + second)
    assert apart.ratio == pytest.approx(math.sqrt(1.08 * 1.07))
    assert apart.p_value < together.p_value
    assert (apart.n_repeats, together.n_repeats) == (3, 6)


def test_looks_that_contradict_each_other_are_no_regression():
    agree, differ = [[109.0] * 3, [107.0] * 3], [[120.0] * 3, [97.2] * 3]
    assert compare([[100.0] * 3], agree, limit=0.05).verdict == "regression"
    assert compare([[100.0] * 3], differ, limit=0.05).verdict == "inconclusive"


def test_a_second_look_of_two_repeats_does_not_count():
    first = [108.0] * 3
    assert compare([[100.0] * 3], [first, [150.0] * 2], limit=0.05) == compare([[100.0] * 3], [first], limit=0.05)


def test_a_change_beyond_the_limit_is_suspected_before_it_is_significant():
    found = judged([[100.0] * 3], [106.0] * 3)
    assert (found.verdict, found.suspected) == ("inconclusive", True)
    assert not judged([[100.0] * 3], [104.0] * 3).suspected
    assert not judged([[100.0] * 3], [94.0] * 3).suspected


@pytest.mark.parametrize(("n_sessions", "rests_on"), [(1, 0.02), (2, 0.02), (3, None)])
def test_with_few_sessions_the_level_rests_on_the_noise_floor(n_sessions, rests_on):
    assert judged([[100.0] * 3] * n_sessions, [100.0] * 3).assumed_spread == rests_on
    assert counted([[100.0] * 3] * n_sessions, [100.0] * 3, 0.05).assumed_spread is None


def test_a_load_that_never_changes_is_compared_with_its_repeats_alone():
    found = judged([[100.0] * 3, [110.0] * 3], [108.0] * 3, between=False)
    assert (found.ratio_low, found.p_value, found.assumed_spread) == (found.ratio, 0.0, None)


def test_less_throughput_is_the_regression_and_the_interval_stays_the_metrics_own():
    fewer = throughput([[110.0] * 3], [100.0] * 3)
    more = throughput([[100.0] * 3], [110.0] * 3)
    assert (fewer.verdict, more.verdict) == ("regression", "improved")
    assert fewer.ratio == pytest.approx(1 / 1.1)
    assert fewer.ratio_low < fewer.ratio < fewer.ratio_high < 1
    assert fewer.p_value == pytest.approx(1 - more.p_value)
    assert fewer.minimum_detectable_ratio < 1


def test_throughput_mirrors_energy_exactly():
    slower = throughput([[10.0, 10.2, 10.1]], [9.0, 9.3, 9.2])
    dearer = judged([[1 / 10.0, 1 / 10.2, 1 / 10.1]], [1 / 9.0, 1 / 9.3, 1 / 9.2])
    assert slower.verdict == dearer.verdict
    assert slower.p_value == pytest.approx(dearer.p_value)
    assert slower.ratio_low == pytest.approx(1 / dearer.ratio_high)
    assert slower.minimum_detectable_ratio == pytest.approx(1 / dearer.minimum_detectable_ratio)


def test_improvement_is_the_mirror_image():
    assert judged([[110.0] * 3], [100.0] * 3).verdict == "improved"


def test_a_significant_change_within_the_limit_is_no_regression():
    steady = [[100.0] * 3] * 5
    assert judged(steady, [104.0] * 3, 0.5).verdict == "ok"
    assert judged(steady, [104.0] * 3, noise_floor=0.001).verdict == "ok"


@pytest.mark.parametrize(
    ("now", "verdict"), [(1000, "ok"), (1050, "ok"), (1051, "regression"), (953, "ok"), (952, "improved")]
)
def test_a_counted_metric_has_no_noise_and_is_judged_exactly(now, verdict):
    found = counted([[1000] * 3], [now] * 3, 0.05)
    assert found.verdict == verdict
    assert found.ratio == found.ratio_low == found.ratio_high == pytest.approx(now / 1000)


def test_equal_counts_pass_a_limit_of_nothing_and_one_more_does_not():
    work = 978_944_000
    assert counted([[work] * 3], [work] * 3, 0.0).verdict == "ok"
    assert counted([[work] * 3], [work + 1] * 3, 0.0).verdict == "regression"


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, None])
def test_what_has_no_logarithm_is_refused_with_its_place(bad):
    with pytest.raises(UnusableValue) as current:
        judged([[1.0] * 3], [1.0, bad, 1.0])
    with pytest.raises(UnusableValue) as baseline:
        judged([[1.0, 1.0, bad]], [1.0] * 3)
    assert (current.value.side, current.value.repeat, current.value.value) == ("current", 2, bad)
    assert (baseline.value.side, baseline.value.repeat, baseline.value.above_zero) == ("baseline", 3, True)


def test_two_repeats_give_a_ratio_and_no_verdict():
    found = judged([[1.0] * 3], [1.2, 1.2])
    assert (found.verdict, found.ratio) == ("inconclusive", pytest.approx(1.2))
    assert (found.ratio_low, found.p_value, found.minimum_detectable_ratio, found.within_cv) == (None,) * 4
    assert (found.why_open, found.n_repeats) == ("few-repeats", 2)


@pytest.mark.parametrize("baseline", [[], [[]], [[1.0, 1.0]]])
def test_a_baseline_without_a_whole_session_gives_no_verdict(baseline):
    found = judged(baseline, [1.0] * 3)
    assert (found.verdict, found.n_baseline_sessions) == ("inconclusive", 0)
    assert found.why_open == "few-baseline-repeats"


def test_sessions_that_are_too_short_are_left_out():
    found = judged([[1.0] * 3, [9.0, 9.0]], [1.0] * 3)
    assert (found.n_baseline_sessions, found.ratio) == (1, 1.0)


def test_no_run_at_all_has_no_ratio():
    assert judged([[1.0] * 3], []).ratio is None


def test_an_inconclusive_verdict_reports_larger_designs_that_detect_more():
    found = judged([logs(-0.1, 0.0, 0.1)], logs(-0.1, 0.0, 0.1))
    assert (found.verdict, found.why_open) == ("inconclusive", "limit-within-bounds")
    assert [(design.sessions, design.repeats) for design in found.larger] == [(5, 3), (1, 6)]
    assert all(1.05 < design.minimum_detectable_ratio < found.minimum_detectable_ratio for design in found.larger)


def test_a_change_beyond_the_limit_that_may_be_chance_is_not_significant():
    found = judged([[100.0] * 3], [106.0] * 3, 0.0)
    assert (found.verdict, found.why_open, found.alpha) == ("inconclusive", "not-significant", 0.01)
    assert found.p_value == pytest.approx(0.0260, abs=5e-5)  # log(1.06) is 2.08 times the error of the floor


def test_a_clear_verdict_is_not_open_and_asks_for_nothing():
    found = judged([[100.0] * 3], [110.0] * 3)
    assert (found.why_open, found.larger) == (None, ())


def a_session(chance, cv, spread, change=0.0, repeats=5):
    """Repeats of one process: all have the same random deviation of the session."""
    luck = math.log1p(change) + chance.gauss(0, spread)
    return logs(*(luck + chance.gauss(0, cv) for _ in range(repeats)))


def verdicts(n_runs, cv, change=0.0, n_sessions=5, spread=0.01, seed=1):
    chance = random.Random(seed)
    found = []
    for _ in range(n_runs):
        baseline = [a_session(chance, cv, spread) for _ in range(n_sessions)]
        found.append(judged(baseline, a_session(chance, cv, spread, change)))
    return found


def looks_twice(n_runs, cv, change=0.0, n_sessions=5, spread=0.01, seed=1):
    """How often both looks together find a regression."""
    chance = random.Random(seed)
    found = 0
    for _ in range(n_runs):
        baseline = [a_session(chance, cv, spread) for _ in range(n_sessions)]
        looks = [a_session(chance, cv, spread, change) for _ in range(2)]
        suspected = compare(baseline, looks[:1], limit=0.05).suspected
        found += suspected and compare(baseline, looks, limit=0.05).verdict == "regression"
    return found


@pytest.mark.parametrize("n_sessions", [1, 5])
def test_200_unchanged_sessions_raise_at_most_one_alarm(n_sessions):
    counts = Counter(found.verdict for found in verdicts(200, 0.03, n_sessions=n_sessions))
    assert counts["regression"] <= 1
    assert counts["ok"] > 40


@pytest.mark.parametrize(("n_sessions", "least"), [(1, 130), (3, 170), (5, 190)])
def test_both_looks_catch_ten_percent(n_sessions, least):
    assert looks_twice(200, 0.03, change=0.10, n_sessions=n_sessions) >= least


@pytest.mark.parametrize("n_sessions", [1, 5])
def test_both_looks_always_catch_twenty_percent(n_sessions):
    assert looks_twice(200, 0.03, change=0.20, n_sessions=n_sessions) == 200


@pytest.mark.parametrize("n_sessions", [3, 5])
def test_sessions_that_differ_by_more_than_the_floor_raise_few_alarms_from_three_sessions_on(n_sessions):
    assert looks_twice(400, 0.01, n_sessions=n_sessions, spread=0.05) <= 0.02 * 400


def test_noise_of_ten_percent_is_mostly_inconclusive_and_reports_the_detectable_change():
    open_ones = [found for found in verdicts(200, 0.10, n_sessions=1) if found.verdict == "inconclusive"]
    assert len(open_ones) > 150
    assert all(found.minimum_detectable_ratio > 1.05 for found in open_ones)
    middle = sorted(found.minimum_detectable_ratio for found in open_ones)[len(open_ones) // 2]
    assert 1.2 < middle < 1.35


def test_the_detectable_change_is_caught_four_times_in_five():
    chance = random.Random(3)
    promised = verdicts(300, 0.05, n_sessions=5, spread=0.02)
    change = sorted(found.minimum_detectable_ratio for found in promised)[150] - 1
    caught = Counter(found.verdict for found in verdicts(300, 0.05, change=change, spread=0.02, seed=chance.random()))
    assert 0.7 < caught["regression"] / 300 < 0.9


def test_the_interval_contains_the_true_value_nine_times_in_ten():
    held = [found.ratio_low < 1.1 < found.ratio_high for found in verdicts(400, 0.05, change=0.1, spread=0.02)]
    assert 0.87 < sum(held) / 400 < 0.95
