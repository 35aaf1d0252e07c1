"""The part of a window in the joules that CodeCarbon reports about once per second."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fakes_energy import KWH_J
from llenergymeasure.core.energy.codecarbon.log import EnergyLog
from llenergymeasure.testing import FakeClock


def a_trail(*points):
    """Points of (seconds, joules of the CPU)."""
    clock = FakeClock()
    energy_log = EnergyLog(clock)
    for clock.seconds, joules in points:
        energy_log.live_out(SimpleNamespace(gpu_energy=0.0, cpu_energy=joules / KWH_J, ram_energy=0.0), None)
    return energy_log


def test_the_part_outside_the_window_is_left_out():
    energy_log = a_trail((0.0, 0.0), (10.0, 1000.0))  # 100 W
    assert energy_log.used_j("cpu", 2.0, 5.0) == pytest.approx(300.0)


def test_power_is_constant_between_two_measurements_only():
    energy_log = a_trail((0.0, 0.0), (1.0, 100.0), (2.0, 120.0))
    assert energy_log.used_j("cpu", 0.5, 1.5) == pytest.approx(60.0)


def test_an_end_just_after_the_last_measurement_goes_on_at_the_last_power():
    energy_log = a_trail((0.0, 0.0), (1.0, 100.0), (2.0, 150.0))
    assert energy_log.used_j("cpu", 0.0, 2.04) == pytest.approx(152.0)


@pytest.mark.parametrize("points", [(), ((0.0, 0.0),), ((0.0, 0.0), (1.0, 100.0)), ((2.0, 0.0), (3.0, 100.0))])
def test_a_window_that_is_not_covered_has_no_joules(points):
    assert a_trail(*points).used_j("cpu", 0.5, 3.0) is None


def test_a_counter_that_shows_nothing_between_two_measurements_stood_still():
    assert a_trail((0.0, 0.0), (1.0, 100.0), (2.0, 100.0), (3.0, 200.0)).stood_still_s("cpu") == pytest.approx(1.0)


def test_two_measurements_within_a_tick_do_not_make_a_counter_stand_still():
    assert a_trail((0.0, 0.0), (1.0, 100.0), (1.06, 100.0)).stood_still_s("cpu") == 0.0


def test_measurements_inside_the_window_are_counted():
    energy_log = a_trail((0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.5, 3.0), (4.0, 4.0))
    assert energy_log.updates(0.5, 3.9) == (3, pytest.approx(1.25))
    assert energy_log.updates(0.5, 1.5) == (1, None)
