"""Energy between updates: series of a few numbers, with the arithmetic beside each."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.core.sampling.cumulative_energy import CumulativeEnergy, Outer, outside_error_j, variation_of


def by_second(*watts, error_s=0.0, **more):
    """Updates at 0 s, 1 s, 2 s, ..., with the power of each second."""
    joules = [math.fsum(watts[:number]) for number in range(len(watts) + 1)]
    return CumulativeEnergy(list(range(len(joules))), joules, error_s, **more)


STEADY = by_second(*[100.0] * 8)
# 50 W, but 300 W from 3.5 s to 5.5 s.
STEP = by_second(50.0, 50.0, 50.0, 175.0, 300.0, 175.0, 50.0, 50.0)


def test_power_is_joules_over_seconds_since_the_update_before():
    assert by_second(70.0, 30.0).power_w(2) == 30.0
    assert CumulativeEnergy([1.0, 1.5], [20.0, 60.0], 0.0).power_w(1) == 80.0  # 40 J in 0.5 s


def test_100_w_for_2_s_is_200_j():
    assert STEADY.outer(3.25, 5.25).energy_j == pytest.approx(200.0)


def test_a_window_between_two_updates_is_what_they_bracket_less_what_is_outside():
    # From 3 s to 4 s there were 175 J: 50 W outside the window and 300 W in it from 3.5 s on.
    assert STEP.outer(3.5, 4.0).energy_j == pytest.approx(175 - 0.5 * 50 - 0.0 * 300)
    assert by_second(50, 50, 50, 150, 50, 50).outer(3.25, 3.75).energy_j == pytest.approx(150 - 2 * 0.25 * 50)


def test_a_step_is_300_w_for_2_s_whatever_the_updates_show():
    # 650 J from 3 s to 6 s, less 0.5 s x 50 W on either side.
    assert STEP.outer(3.5, 5.5).energy_j == pytest.approx(600.0)


def test_a_ramp_is_half_its_box_above_idle():
    ramp = by_second(50.0, 50.0, 50.0, 100.0, 200.0, 50.0, 50.0)  # 50 W to 250 W from 3 s to 5 s
    assert ramp.outer(3.0, 5.0).energy_j == pytest.approx(2 * (50 + 250) / 2)


def test_edges_exactly_on_updates_take_the_update_before_and_the_one_at_the_end():
    found = STEP.outer(3.0, 6.0)
    assert found.energy_j == pytest.approx(175 + 300 + 175)
    # Nothing is taken off after 6 s, one second of 50 W before 3 s, so that only its error counts.
    assert found.error_j == pytest.approx(
        math.hypot(2.8 * math.sqrt(2) * 5.0 * 1.0, 2 * 0.001 * math.hypot(50, 50) / math.sqrt(3))
    )


def test_idle_power_may_differ_before_and_after():
    falls = by_second(50.0, 50.0, 50.0, 300.0, 80.0, 80.0, 80.0)
    # From 3 s to 5 s: 380 J, less 0.5 s x 80 W; nothing before, for the update before 3.5 s is at 3 s.
    assert falls.outer(3.5, 4.5).energy_j == pytest.approx(380 - 0.5 * 50 - 0.5 * 80)


@pytest.mark.parametrize(
    ("start_s", "end_s", "known"),
    [(1.0, 6.5, False), (1.1, 6.5, True), (1.1, 7.0, True), (1.1, 7.1, False), (-1.0, 3.0, False), (9.0, 10.0, False)],
)
def test_two_updates_are_needed_on_either_side(start_s, end_s, known):
    assert (STEADY.outer(start_s, end_s) is not None) is known


def test_updates_within_their_error_of_an_edge_are_not_outside_for_sure():
    blurred = by_second(50.0, 60.0, 70.0, 300.0, 90.0, 50.0, error_s=0.1)
    # 3.05 s may be before the update at 3 s, so 2 s is the last one outside: 370 J from 2 s to 4 s and 90 J to 5 s.
    assert blurred.outer(3.05, 3.95).energy_j == pytest.approx(370 + 90 - 1.05 * 60 - 1.05 * 50)
    assert blurred.outer(3.15, 3.85).energy_j == pytest.approx(300 - 0.15 * 70 - 0.15 * 90)


def test_the_error_of_a_window_is_that_of_the_power_outside_and_of_the_times():
    found = by_second(50.0, 50.0, 50.0, 300.0, 80.0, 80.0, error_s=0.1, idle_variation_w=4.0).outer(3.2, 3.8)
    outside_j = math.hypot(2.8 * math.sqrt(2) * 4.0 * math.hypot(0.2, 0.2), 30.0 * 0.2 / math.sqrt(3))
    grid_j = 2 * 0.1 * 30.0 / math.sqrt(3)
    dating_j = 2 * 0.001 * math.hypot(50.0, 80.0) / math.sqrt(3)
    assert found == Outer(
        pytest.approx(300 - 0.2 * 50 - 0.2 * 80), pytest.approx(math.hypot(outside_j, grid_j, dating_j))
    )


def test_steady_idle_power_leaves_only_the_error_of_dating():
    assert by_second(*[100.0] * 8, idle_variation_w=0.0).outer(3.5, 5.5).error_j == pytest.approx(
        2 * 0.001 * math.hypot(100, 100) / math.sqrt(3)
    )


def test_the_window_alone_begins_at_nothing_and_ends_at_its_energy():
    window = STEP.within(3.5, 5.5)
    assert window.times_s == [3.5, 4, 5, 5.5]
    assert window.joules == pytest.approx([0.0, 150.0, 450.0, 600.0])  # 300 W from 3.5 s on


def test_updates_at_the_edges_of_the_window_alone_are_its_ends():
    window = STEP.within(3.0, 6.0)
    assert (window.times_s, window.joules) == ([3.0, 4, 5, 6.0], pytest.approx([0.0, 175.0, 475.0, 650.0]))


def test_the_window_alone_begins_at_the_last_update_that_was_surely_before_it():
    blurred = by_second(50.0, 60.0, 70.0, 300.0, 90.0, 50.0, error_s=0.1)
    # From 2 s on: 60 W for 1.05 s are taken off, and at 3 s, before the window, 70 J were drawn; it ends at 338.5 J.
    assert blurred.within(3.05, 3.95).joules == pytest.approx([0.0, 370 + 90 - 1.05 * 60 - 1.05 * 50])
    # At 4 s, 370 J less 63 J.
    assert blurred.within(3.05, 4.3).joules[1] == pytest.approx(370 - 1.05 * 60)


def test_what_a_window_drew_never_falls_and_never_exceeds_its_energy():
    # Power outside is taken to be 50 W, but between 3 s and 3.5 s it was 0 W: 25 J too many are taken off.
    window = by_second(50.0, 50.0, 50.0, 10.0, 300.0, 300.0, 50.0, 50.0).within(3.5, 5.9)
    assert window.joules[:2] == [0.0, 0.0]
    assert window.joules == sorted(window.joules)


def test_without_outer_updates_there_is_no_window():
    assert STEADY.within(0.5, 3.0) is None


@pytest.mark.parametrize(("time_s", "joules"), [(0.0, 0.0), (2.0, 100.0), (3.5, 237.5), (4.25, 400.0), (8.0, 900.0)])
def test_joules_between_updates_lie_on_a_line(time_s, joules):
    assert STEP.at(time_s) == pytest.approx(joules)


@pytest.mark.parametrize("time_s", [-0.1, 8.1])
def test_outside_the_updates_nothing_is_known(time_s):
    assert STEP.at(time_s) is None


def test_variation_is_the_steps_over_the_root_of_two():
    # Two independent powers differ by the root of two of what each deviates.
    assert variation_of([3.0, -3.0, 3.0], 50.0) == pytest.approx(3 / math.sqrt(2))
    assert variation_of([3.0, 0.0, 0.0, 4.0], 50.0) == pytest.approx(math.sqrt((9 + 16) / 4 / 2))


@pytest.mark.parametrize("steps", [[], [1.0], [1.0, 1.0]])
def test_power_with_too_few_samples_is_assumed_to_vary_by_a_tenth(steps):
    assert variation_of(steps, 60.0) == pytest.approx(6.0)


def by_tenth(*watts, **more):
    """Updates at 0.0 s, 0.1 s, 0.2 s, ..., with the power of each tenth of a second."""
    joules = [math.fsum(watts[:number]) / 10 for number in range(len(watts) + 1)]
    return CumulativeEnergy([number / 10 for number in range(len(joules))], joules, 0.0, **more)


def test_idle_variation_comes_from_the_updates_of_the_last_1_6_s():
    # Before 0.55 s: 40, 50, 54, 50, 54 W, in steps of 10, 4, 4 and 4 W.
    assert by_tenth(40, 50, 54, 50, 54, 300, 300).variation_w(0.55) == pytest.approx(math.sqrt((100 + 3 * 16) / 4 / 2))
    # Work until 0.4 s; 2 s later it does not count any more.
    quiet = by_tenth(*[300] * 4, *[50] * 20)
    assert quiet.variation_w(2.05) == pytest.approx(0.0, abs=1e-9)
    assert quiet.variation_w(1.95) > 10


def test_an_update_that_may_be_the_works_is_no_idle_power():
    blurred = CumulativeEnergy([0, 1, 2, 3, 4, 5, 6], [0, 50, 100, 150, 200, 500, 800], error_s=0.2)
    assert blurred.variation_w(5.1) == pytest.approx(5.0)  # the update at 5 s is left out: a tenth of 50 W
    assert blurred.variation_w(5.3) == pytest.approx(30.0)  # it is not, and two steps are too few still


@pytest.mark.parametrize(("start_s", "assumed_w"), [(0.35, 6.0), (0.25, 5.5), (0.15, 5.0), (0.05, 5.0), (-1.0, 5.0)])
def test_with_too_few_steps_a_tenth_of_the_last_idle_power_is_assumed(start_s, assumed_w):
    assert by_tenth(50, 55, 60, 300, 300).variation_w(start_s) == pytest.approx(assumed_w)


def test_variation_that_the_series_cannot_show_is_handed_in():
    assert by_tenth(50, 54, 50, 54, 50, 300, idle_variation_w=7.0).variation_w(0.55) == 7.0


def test_the_spread_of_idle_power_is_its_standard_deviation_in_the_last_second():
    assert by_tenth(50, 54, 50, 54, 50, 54, 300).idle_spread_w(0.65) == pytest.approx(2.0)
    assert by_tenth(*[300] * 4, *[50, 54] * 6).idle_spread_w(1.59) == pytest.approx(2.0)
    assert by_tenth(50, 54, 50, 300, 300).idle_spread_w(0.35) is None  # three powers are too few


def test_that_spread_leaves_out_what_may_be_the_works():
    blurred = CumulativeEnergy(
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.0, 5.0, 10.4, 15.4, 20.8, 25.8, 55.8], error_s=0.02
    )
    assert blurred.idle_spread_w(0.51) == pytest.approx(2.0)  # 50, 54, 50, 54 W; the update at 0.5 s may come later


def test_the_error_outside_grows_with_variation_time_and_drift():
    assert outside_error_j(0.0, 1.0, 1.0, 0.0) == 0.0
    assert outside_error_j(10.0, 0.3, 0.4, 0.0) == pytest.approx(2.8 * math.sqrt(2) * 10 * 0.5)
    assert outside_error_j(0.0, 0.3, 0.4, -60.0) == pytest.approx(60 * 0.4 / math.sqrt(3))
