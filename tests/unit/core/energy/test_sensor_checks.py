"""Messages about failed sensors: impossible counters, the energy until the failure, sensors that do not change."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fake_gpu import a_gpu
from llenergymeasure.core.energy.sensor_checks import counter_void, stuck_sensor, too_fast, used_until
from llenergymeasure.core.nvml.gpu import ConditionReading
from llenergymeasure.core.sampling.conditions import ConditionLog
from llenergymeasure.core.sampling.power_log import PowerLog
from power_logs import shown, steps

GPU = a_gpu(architecture="turing")


def counter(*joules, every_s=0.1):
    return [(number * every_s, value) for number, value in enumerate(joules)]


def test_a_counter_that_rises_is_good():
    assert counter_void(counter(0.0, 10.0, 20.0, 20.0, 30.0)) is None
    assert counter_void([]) is None


def test_a_counter_that_falls_once_is_void():
    assert counter_void(counter(0.0, 10.0, 5.0, 15.0)) == "went backwards (the driver was reloaded)"


def test_a_counter_may_stand_still_for_half_a_second():
    assert counter_void(counter(*[10.0] * 6)) is None  # samples at 0.0 s to 0.5 s
    assert counter_void(counter(*[10.0] * 7)) == "did not advance for 0.6 s in the window"
    assert counter_void(counter(*range(20), *[20.0] * 9, *range(21, 30))) == "did not advance for 0.8 s in the window"


def test_time_between_two_different_values_is_a_gap_of_the_samples_and_no_standstill():
    assert counter_void([(0.0, 10.0), (0.1, 20.0), (2.0, 220.0), (2.1, 230.0)]) is None


def test_a_counter_may_rise_at_twice_the_limit_of_the_gpu_at_most():
    limited = replace(GPU, power_limit_w=300.0)
    assert too_fast(limited, 1200.0, 2.0) is None  # 600 W
    assert too_fast(limited, 1202.0, 2.0) == "rose by 1202 J in 2 s, 601 W on average, but the GPU may draw 300 W"
    assert too_fast(limited, 1e9, 0.0) is None


def test_without_a_known_limit_no_counter_is_too_fast():
    assert GPU.highest_power_w == math.inf
    assert too_fast(GPU, 1e9, 1.0) is None


def a_sampler(power, *utilisation):
    """The data of a sampler: the log, and the utilisation in % at 2.0 s, 2.1 s, 2.2 s, ..."""
    conditions = ConditionLog()
    for number, percent in enumerate(utilisation):
        conditions.add(2.0 + number / 10, ConditionReading(55.0, 1000.0, 80000.0, percent, 1980.0, 0))
    return SimpleNamespace(power={GPU.uuid: power}, conditions={GPU.uuid: conditions})


def test_what_a_gpu_used_until_its_counter_was_lost():
    until_3_s = shown("energy_j", [30.0 * number for number in range(31)])  # 300 W, last sample at 3.0875 s
    # 900 J then, and at 2.0 s 585 J, on the line between the samples of 570 J and 600 J.
    assert used_until(GPU, a_sampler(until_3_s), 2.0, 4.0) == "until then it used 315 J in 1.09 s of 2 s"


def test_without_a_counter_it_is_what_the_power_sensor_saw_before():
    # The last reading stands for a moment 100 ms before: 0.9875 s of 200 W.
    until_3_s = shown("instant_w", [200.0] * 31)
    assert used_until(GPU, a_sampler(until_3_s), 2.0, 4.0) == "until then it used 197.5 J in 0.988 s of 2 s"


@pytest.mark.parametrize("log", [PowerLog(), shown("energy_j", [30.0 * number for number in range(20)])])
def test_of_a_window_that_began_later_nothing_was_measured(log):
    assert used_until(GPU, a_sampler(log), 2.0, 4.0) == "no part of the window was measured"


# 50 W until 2.0 s, then a reading that never changes until 5.0 s.
STUCK = steps((50.0, 21), (300.0, 30))


def test_a_sensor_without_a_change_in_the_last_second_of_work_may_stand_still():
    found = stuck_sensor(GPU, a_sampler(shown("instant_w", STUCK), *[50.0] * 20), 2.0, 4.0)
    assert found == (
        "the power sensor showed 300 W without a change in the last 1.9 s of work; it may have stopped updating: "
        "treat the energy as unreliable"
    )


def test_an_idle_gpu_may_show_the_same_for_long():
    assert stuck_sensor(GPU, a_sampler(shown("instant_w", STUCK), *[0.0] * 20), 2.0, 4.0) is None
    assert stuck_sensor(GPU, a_sampler(shown("instant_w", STUCK)), 2.0, 4.0) is None


def test_a_sensor_that_changed_less_than_a_second_before_the_end_is_not_stuck():
    # 2.1125 s is the first sample of the only change.
    sampler = a_sampler(shown("instant_w", STUCK), *[50.0] * 20)
    assert stuck_sensor(GPU, sampler, 2.0, 3.11) is None
    assert stuck_sensor(GPU, sampler, 2.0, 3.12) is not None


def test_a_sensor_that_was_not_read_until_after_the_end_cannot_be_judged():
    assert stuck_sensor(GPU, a_sampler(shown("instant_w", STUCK[:38]), *[50.0] * 20), 2.0, 4.0) is None
    assert stuck_sensor(GPU, a_sampler(PowerLog(), *[50.0] * 20), 2.0, 4.0) is None
