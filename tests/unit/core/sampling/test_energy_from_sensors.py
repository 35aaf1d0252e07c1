"""Cumulative energy of instant power, of the 1 s average and of the counter, from readings that are written down."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.core.sampling.energy_from_sensors import from_average_power, from_counter, from_instant_power
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.core.sampling.power_sensors import Sensor
from power_logs import shown, steps

WHOLE = Sensor(period_s=0.1, window_s=0.1)
# Update number k is at k / 10 s. 300 W from 2.0 s to 4.0 s, else 50 W.
TWO_SECONDS = steps((50.0, 21), (300.0, 20), (50.0, 10))


def instant(readings, start_s, end_s, **more):
    return from_instant_power(shown("instant_w", readings, **more), WHOLE, start_s, end_s)


def test_100_w_for_2_s_is_200_j():
    found = instant([100.0] * 60, 2.0, 4.0)
    assert found.outer(2.0, 4.0).energy_j == pytest.approx(200.0)
    # Nothing changed, so no update was seen: its moment is known to half a period.
    assert found.error_s == pytest.approx(0.05)


def test_a_reading_covers_the_period_before_it():
    found = instant(TWO_SECONDS, 2.0, 4.0)
    assert found.outer(2.0, 4.0).energy_j == pytest.approx(600.0)
    assert found.at(2.0) - found.at(1.0) == pytest.approx(50.0)
    assert found.at(2.1) - found.at(2.0) == pytest.approx(30.0)  # the reading of 2.1 s is the first of the work


@pytest.mark.parametrize(("start_s", "end_s", "first"), [(2.0, 4.0, 300.0), (2.03, 4.0, 225.0), (2.05, 3.93, 175.0)])
def test_edges_between_updates_are_found_through_the_mean_of_their_period(start_s, end_s, first):
    last = 50 + 250 * (1 - (4.0 - end_s) / 0.1)
    readings = steps((50.0, 21), (first, 1), (300.0, 18), (last, 1), (50.0, 10))
    assert instant(readings, start_s, end_s).outer(start_s, end_s).energy_j == pytest.approx(300 * (end_s - start_s))


def test_a_window_between_two_updates_is_in_one_reading():
    readings = steps((50.0, 21), (175.0, 1), (50.0, 20))  # 300 W from 2.02 s to 2.07 s
    assert instant(readings, 2.02, 2.07).outer(2.02, 2.07).energy_j == pytest.approx(15.0)


def test_a_ramp_is_the_sum_of_its_means():
    ramp = [50 + 10 * (number + 0.5) for number in range(20)]  # 50 W to 250 W from 2.0 s to 4.0 s
    assert instant([*steps((50.0, 21)), *ramp, *steps((50.0, 10))], 2.0, 4.0).outer(2.0, 4.0).energy_j == pytest.approx(
        2 * (50 + 250) / 2
    )


def test_updates_may_begin_at_any_moment():
    late = [50.0 if 0.037 + number / 10 < 2.04 else 300.0 for number in range(60)]
    found = instant(late, 2.5, 4.5, first_s=0.037)
    assert found.times_s[0] % 0.1 == pytest.approx(0.037)
    assert found.error_s == pytest.approx(
        0.0125 + 0.001
    )  # an eighth of a period to the samples, and the length of a call


def test_a_missing_reading_is_interpolated_and_is_uncertain_by_the_range():
    readings = list(TWO_SECONDS)
    readings[30] = None
    found = instant(readings, 2.0, 4.0)
    assert found.outer(2.0, 4.0).energy_j == pytest.approx(600.0)
    assert found.assumed_error_j == pytest.approx(2 * 0.1 * 250 / math.sqrt(12))


def test_a_gap_in_steady_power_is_certain():
    readings = [100.0] * 60
    readings[25:30] = [None] * 5
    found = instant(readings, 2.0, 4.0)
    assert found.outer(2.0, 4.0).energy_j == pytest.approx(200.0)
    assert found.assumed_error_j == 0.0


def test_a_gap_over_a_step_is_a_line_and_its_error_covers_either_end():
    readings = list(TWO_SECONDS)
    readings[21:26] = [None] * 5  # 50 W at 2.0 s, 300 W at 2.6 s
    found = instant(readings, 2.0, 4.0)
    line = [50 + 250 * share / 6 for share in (1, 2, 3, 4, 5)]
    assert found.outer(2.0, 4.0).energy_j == pytest.approx(600 - 0.1 * sum(300 - power for power in line))
    assert found.assumed_error_j == pytest.approx(2 * 0.5 * 250 / math.sqrt(12))
    assert found.assumed_error_j > 600 - found.outer(2.0, 4.0).energy_j


def test_readings_that_are_missing_before_the_first_are_taken_as_the_first():
    readings = list(TWO_SECONDS)
    readings[4:7] = [None] * 3
    log = shown("instant_w", readings)
    late = PowerLog()
    for time_s, power_w in log.between("instant_w", 0, 6)[15:]:  # one sample before 0.4 s, the next after 0.7 s
        late.add(time_s, instant_w=power_w)
    found = from_instant_power(late, WHOLE, 2.0, 4.0)
    assert found.times_s[0] == pytest.approx(0.4)
    assert found.at(0.8) - found.at(0.4) == pytest.approx(0.4 * 50)
    assert found.assumed_error_j == pytest.approx(2 * 0.3 * 250 / math.sqrt(12))


def test_readings_that_end_early_do_not_cover_the_window():
    assert instant(TWO_SECONDS[:38], 2.0, 4.0).outer(2.0, 4.0) is None


def test_a_sensor_that_changes_with_every_sample_has_no_distinguishable_updates():
    log = PowerLog()
    for number in range(100):
        log.add(number / 20, instant_w=100.0 + number % 2)
    assert from_instant_power(log, WHOLE, 2.0, 4.0) is None


def test_a_sensor_without_readings_has_no_energy():
    assert from_instant_power(PowerLog(), WHOLE, 2.0, 4.0) is None
    assert from_average_power(PowerLog(), 2.0, 4.0) is None
    assert from_counter(PowerLog(), 2.0, 4.0) is None


def averages(*watts):
    """Means of the last second, from the power of each tenth; before it the first one held."""
    powers = [watts[0]] * 10 + list(watts)
    return [math.fsum(powers[number + 1 : number + 11]) / 10 for number in range(len(watts))]


def test_the_1_s_average_of_steady_power_is_200_j_in_2_s():
    log = shown("average_w", [100.0] * 60)
    found = from_average_power(log, 2.0, 4.0)
    assert found.outer(2.0, 4.0).energy_j == pytest.approx(200.0)
    assert found.assumed_error_j == 0.0


@pytest.mark.parametrize("tenths", [1, 10, 20])
def test_the_1_s_average_is_unwound(tenths):
    end_s = 2.0 + tenths / 10
    log = shown("average_w", averages(*steps((60.0, 21), (360.0, tenths), (60.0, 10))))
    assert from_average_power(log, 2.0, end_s).outer(2.0, end_s).energy_j == pytest.approx(36.0 * tenths)


@pytest.mark.parametrize(("start_s", "end_s"), [(2.03, 2.98), (2.08, 3.52)])
def test_edges_between_updates_of_the_average_are_found_too(start_s, end_s):
    tenths = math.ceil(10 * (end_s - 2.0))
    first, last = 60 + 300 * (2.1 - start_s) / 0.1, 60 + 300 * (end_s - 2.0 - (tenths - 1) / 10) / 0.1
    watts = steps((60.0, 21), (first, 1), (360.0, tenths - 2), (last, 1), (60.0, 10))
    found = from_average_power(shown("average_w", averages(*watts)), start_s, end_s)
    assert found.outer(start_s, end_s).energy_j == pytest.approx(360 * (end_s - start_s))


def test_a_ramp_is_unwound():
    ramp = [60 + 10 * (number + 0.5) for number in range(20)]  # 60 W to 260 W from 2.0 s to 4.0 s
    log = shown("average_w", averages(*steps((60.0, 21)), *ramp, *steps((60.0, 10))))
    assert from_average_power(log, 2.0, 4.0).outer(2.0, 4.0).energy_j == pytest.approx(2 * (60 + 260) / 2)


def test_the_second_before_the_work_is_taken_as_evenly_spent():
    log = shown("average_w", averages(*steps((60.0, 21), (360.0, 10), (60.0, 10))))
    found = from_average_power(log, 2.0, 3.0)
    assert found.at(2.0) - found.at(1.5) == pytest.approx(30.0)
    assert found.variation_w(2.0) == pytest.approx(0.0, abs=1e-6)


def test_how_uneven_that_second_was_is_reported_by_instant_power():
    log = shown("average_w", [60.0] * 40)
    found = from_average_power(log, 2.0, 3.0, idle_spread_w=2.0)
    # k = 2, ten updates of 0.1 s: 2 x 2 W x 0.1 s x the root of 10 / 2
    assert found.assumed_error_j == pytest.approx(0.4 * math.sqrt(5))
    assert found.variation_w(2.0) == 2.0


def test_or_by_the_steps_of_the_average():
    uneven = [60.0 + number % 2 for number in range(40)]  # steps of 1 W: powers one second apart differ by 10 W
    found = from_average_power(shown("average_w", uneven), 2.0, 3.0)
    assert found.variation_w(2.0) == pytest.approx(10 / math.sqrt(2))
    assert found.assumed_error_j == pytest.approx(2.8 * 10 / math.sqrt(2) * 0.1 * math.sqrt(5))


def test_an_average_with_too_few_samples_is_assumed_to_vary_by_a_tenth_of_the_last():
    log = shown("average_w", [50.0, 55.0, *[60.0] * 20], first_s=1.8)
    assert from_average_power(log, 2.03, 3.0).variation_w(2.03) == pytest.approx(6.0)


def test_a_missing_average_is_interpolated():
    readings = averages(*steps((60.0, 21), (360.0, 10), (60.0, 10)))
    readings[25] = None  # on the line between 180 W and 240 W already
    found = from_average_power(shown("average_w", readings), 2.0, 3.0)
    assert found.outer(2.0, 3.0).energy_j == pytest.approx(360.0)
    assert found.assumed_error_j == pytest.approx(2 * 0.1 * 300 / math.sqrt(12))


def test_without_the_average_just_before_the_work_nothing_can_be_unwound():
    readings = averages(*steps((60.0, 21), (360.0, 10), (60.0, 10)))
    readings[20] = None
    assert from_average_power(shown("average_w", readings), 2.03, 3.0) is None


def test_the_counter_is_a_series_already():
    log = shown("energy_j", [10.0 * number for number in range(60)])  # 100 W
    found = from_counter(log, 2.03, 4.03)
    assert found.outer(2.03, 4.03).energy_j == pytest.approx(200.0)
    assert found.error_s == pytest.approx(0.0125)  # samples are 25 ms apart
    assert found.assumed_error_j == 0.0
    assert found.times_s[1] - found.times_s[0] == pytest.approx(0.1)


def test_a_counter_that_began_anew_or_stands_still_has_no_series():
    assert from_counter(shown("energy_j", [10.0 * (number % 30) for number in range(60)]), 2.0, 4.0) is None
    assert from_counter(shown("energy_j", [500.0] * 60), 2.0, 4.0) is None
    assert from_counter(shown("energy_j", steps((500.0, 30), (510.0, 30))), 2.0, 4.0) is None


def test_two_ticks_are_a_series():
    found = from_counter(shown("energy_j", steps((500.0, 25), (510.0, 10), (530.0, 20))), 2.0, 4.0)
    assert (found.times_s, found.joules) == (pytest.approx([2.5, 3.5]), [510.0, 530.0])
