"""The counter at its ticks outside the window: joules and errors with their arithmetic."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.core.energy.by_counter import by_counter
from llenergymeasure.core.energy.device_energy import DeviceEnergy
from llenergymeasure.core.energy.ticks import Tick


def ticks(*seen, poll_s=0.0):
    return tuple(Tick(time_s, energy_j, poll_s) for time_s, energy_j in seen)


def measured(before, after, start_s, end_s, **more):
    return by_counter(before, after, start_s, end_s, None, **more)


def test_100_w_for_2_s_is_200_j():
    # From 2.0 s to 4.1 s there are 210 J, of which 50 ms of 100 W on either side are outside.
    found = measured(ticks((1.9, 190), (2.0, 200)), ticks((4.1, 410), (4.2, 420)), 2.05, 4.05)
    assert (found.method, found.energy_j) == ("counter", pytest.approx(200.0))
    assert found.parts_j["gain"] == pytest.approx(10.0)


def test_the_power_on_either_side_is_the_counters_own():
    # 50 W until 2.05 s, 300 W until 4.05 s, then 80 W: 2.5 J + 600 J + 4 J between the ticks.
    found = measured(ticks((1.9, 95), (2.0, 100)), ticks((4.1, 706.5), (4.2, 714.5)), 2.05, 4.05)
    assert found.energy_j == pytest.approx(606.5 - 50 * 0.05 - 80 * 0.05)


def test_a_ramp_in_the_window_is_all_in_the_counter():
    # 50 W to 250 W in 2 s are 300 J, whatever their course.
    found = measured(ticks((1.9, 95), (2.0, 100)), ticks((4.0, 400), (4.1, 405)), 2.0, 4.0)
    assert found.energy_j == pytest.approx(300.0)


def test_edges_exactly_on_ticks_take_nothing_off():
    found = measured(ticks((1.9, 90), (2.0, 100)), ticks((4.0, 700), (4.1, 710)), 2.0, 4.0, variation_w=5.0)
    assert found.energy_j == pytest.approx(600.0)
    assert found.parts_j["edges"] == 0.0


def test_a_window_between_two_ticks_is_their_difference_less_idle():
    # 300 W from 2.03 s to 2.07 s, 50 W beside it: 15 J, 12 J of them in the window.
    found = measured(ticks((1.9, 95), (2.0, 100)), ticks((2.1, 115), (2.2, 120)), 2.03, 2.07)
    assert found.energy_j == pytest.approx(12.0)


def test_idle_power_that_varies_makes_what_is_taken_off_uncertain():
    found = measured(ticks((1.9, 95), (2.0, 100)), ticks((4.1, 710), (4.2, 718)), 2.03, 4.06, variation_w=4.0)
    outside_j = 2.8 * math.sqrt(2) * 4.0 * math.hypot(0.03, 0.04)
    drift_j = (80 - 50) * 0.04 / math.sqrt(3)
    assert found.parts_j["edges"] == pytest.approx(math.hypot(outside_j, drift_j))


def test_a_counter_without_samples_is_assumed_to_vary_by_a_tenth_of_the_greater_power():
    unwatched = measured(ticks((1.9, 95), (2.0, 100)), ticks((4.1, 710), (4.2, 718)), 2.03, 4.06)
    outside_j = 2.8 * math.sqrt(2) * 8.0 * math.hypot(0.03, 0.04)
    assert unwatched.parts_j["edges"] == pytest.approx(math.hypot(outside_j, 30 * 0.04 / math.sqrt(3)))


def test_a_tick_is_known_to_the_time_between_two_polls():
    before, after = ticks((1.9, 190), (2.0, 200), poll_s=0.006), ticks((4.1, 410), (4.2, 420), poll_s=0.012)
    found = measured(before, after, 2.05, 4.05, variation_w=0.0)
    # 50 ms outside are half of the 100 ms between two ticks: the nearer one counts 1.5 times, the farther one half.
    early_j = 2 * 100 * 0.006 * math.hypot(1.5, 0.5) / math.sqrt(12)
    late_j = 2 * 100 * 0.012 * math.hypot(1.5, 0.5) / math.sqrt(12)
    assert found.parts_j["edges"] == pytest.approx(math.hypot(early_j, late_j))


def test_the_nearer_and_the_farther_poll_count_by_their_own():
    early = (Tick(1.9, 190, 0.020), Tick(2.0, 200, 0.001))
    found = measured(early, ticks((4.0, 400), (4.1, 410)), 2.05, 4.0, variation_w=0.0)
    expected = 2 * 100 * math.hypot(0.001 * 1.5, 0.020 * 0.5) / math.sqrt(12)
    assert found.parts_j["edges"] == pytest.approx(expected)


def test_the_power_sensors_are_the_cross_check():
    sampled = DeviceEnergy(198.0, "sampled", {"gain": 9.9, "edges": 1.0})
    found = by_counter(ticks((1.9, 190), (2.0, 200)), ticks((4.0, 400), (4.1, 410)), 2.0, 4.0, sampled)
    assert found.crosscheck is sampled
