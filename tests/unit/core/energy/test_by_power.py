"""Energy from power sensors: the chosen reading and its uncertainty, in numbers that can be checked by hand."""

from __future__ import annotations

import math

import pytest

from fake_gpu import a_gpu
from llenergymeasure.core.energy.by_power import by_power
from llenergymeasure.core.sampling.power_log import PowerLog
from power_logs import SAMPLES, steps

INTERVAL_S = 0.1 / SAMPLES
WHOLE, PARTIAL = a_gpu(architecture="turing"), a_gpu(architecture="hopper")
# Update number k is at k / 10 s. 300 W from 2.0 s to 4.0 s, else 50 W.
TWO_SECONDS = steps((50.0, 21), (300.0, 20), (50.0, 15))
DATING_J = 2 * 0.001 / math.sqrt(3)


def averaged(watts):
    """Means of the last second of what instant power shows."""
    before = [watts[0]] * 9 + list(watts)
    return [math.fsum(before[number : number + 10]) / 10 for number in range(len(watts))]


def sampled(instant=None, average=None, unread=(math.inf, -math.inf)):
    """Both sensors, each reading shown until the next; no samples between the two times of `unread`."""
    log = PowerLog()
    for number in range(len(instant or average)):
        for sample in range(SAMPLES):
            time_s = (number + (sample + 0.5) / SAMPLES) / 10
            if not unread[0] < time_s < unread[1]:
                log.add(time_s, instant_w=instant and instant[number], average_w=average and average[number])
    return log


def measured(log, start_s=2.0, end_s=4.0, gpu=WHOLE):
    return by_power(gpu, log, INTERVAL_S, start_s, end_s)


def test_100_w_for_2_s_is_200_j():
    found = measured(sampled(instant=[100.0] * 60))
    assert (found.method, found.energy_j) == ("sampled", pytest.approx(200.0))
    # 5 % of it is the gain of the card. Idle power is steady, so only the length of a call is left at the edges.
    assert found.parts_j == {"gain": pytest.approx(10.0), "edges": pytest.approx(DATING_J * math.hypot(100, 100))}


def test_a_step_is_taken_without_what_was_drawn_outside():
    assert measured(sampled(TWO_SECONDS)).energy_j == pytest.approx(600.0)
    assert measured(sampled(average=averaged(TWO_SECONDS))).energy_j == pytest.approx(600.0)


def test_the_second_sensor_is_the_cross_check():
    found = measured(sampled(TWO_SECONDS, averaged(TWO_SECONDS)))
    assert found.energy_j == pytest.approx(600.0)
    assert found.crosscheck.energy_j == pytest.approx(600.0)
    assert found.crosscheck.crosscheck is None


def test_one_sensor_is_checked_by_its_integral():
    found = measured(sampled([100.0] * 60))
    # Back-dated by half a period and half a window: nothing but steady power there.
    assert found.crosscheck.energy_j == pytest.approx(200.0)
    age_s = math.hypot(0.1, INTERVAL_S)  # of an update, and of a sample, at either edge
    assert found.crosscheck.parts_j["edges"] == pytest.approx(2 * 100 * age_s / math.sqrt(6))


def test_of_readings_that_are_about_as_certain_the_first_in_the_list_is_taken():
    disagreeing = [watts + 1 for watts in averaged(TWO_SECONDS)]
    whole, partial = (measured(sampled(TWO_SECONDS, disagreeing), gpu=gpu) for gpu in (WHOLE, PARTIAL))
    assert whole.energy_j == pytest.approx(600.0)
    assert partial.energy_j == pytest.approx(602.0)


def test_a_reading_that_is_far_more_certain_is_taken_before_it():
    uneven = [watts + 20 * (number % 2) for number, watts in enumerate(averaged(TWO_SECONDS))]
    assert measured(sampled(TWO_SECONDS, uneven), gpu=PARTIAL).energy_j != pytest.approx(600.0)
    only = measured(sampled(average=uneven))
    assert only.own_error_j > 2 * measured(sampled(TWO_SECONDS)).own_error_j
    assert measured(sampled(TWO_SECONDS, uneven), gpu=WHOLE).energy_j == pytest.approx(600.0)


def test_the_second_sensor_is_taken_when_the_first_is_less_than_half_as_certain():
    instant = list(TWO_SECONDS)
    instant[25:30] = [None] * 5  # 0.5 s without instant power: 2 x 0.5 s x 250 W / root 12 is 72 J
    found = measured(sampled(instant, averaged(TWO_SECONDS)))
    assert found.parts_j.get("gaps", 0.0) == pytest.approx(0.0, abs=1e-9)
    assert found.crosscheck.parts_j["gaps"] == pytest.approx(2 * 0.5 * 250 / math.sqrt(12))


def test_of_several_checks_the_most_certain_one_is_taken():
    average = [watts + 100 for watts in averaged(TWO_SECONDS)]
    average[19] = None  # the last one before the work: its updates cannot be unwound, but its line can be integrated
    found = measured(sampled(TWO_SECONDS, average))
    # Both integrals are as late; 700 J or more by the average are less certain than 600 J.
    assert found.energy_j == pytest.approx(600.0)
    assert found.crosscheck.energy_j == pytest.approx(600.0, rel=0.05)


def test_a_short_window_late_in_the_day_is_short():
    late = PowerLog()
    for number in range(600):
        late.add(1000 + number / 100, instant_w=100.0)
    found = by_power(WHOLE, late, 0.01, 1002.0, 1004.0)
    assert found.parts_j["edges"] == pytest.approx(DATING_J * math.hypot(100, 100))


@pytest.mark.parametrize(("before_w", "after_w"), [(40.0, 20.0), (20.0, 40.0)])
def test_the_range_of_the_load_is_that_of_the_window_and_both_sides(before_w, after_w):
    readings = steps((before_w, 21), (300.0, 20), (after_w, 15))
    expected = 0.75 * math.hypot(300 * math.sqrt(0.1 * 2.0), 280 * 2.0 / math.sqrt(3))
    assert measured(sampled(readings), gpu=PARTIAL).parts_j["aliasing"] == pytest.approx(expected)


def test_a_sensor_that_sleeps_three_quarters_of_the_time_may_miss_that_much():
    found = measured(sampled([100.0] * 60), gpu=PARTIAL)
    # 25 ms of every 100 ms are seen. Looks at random moments: 100 W x the root of 0.1 s x 2 s.
    assert found.parts_j["aliasing"] == pytest.approx(0.75 * 100 * math.sqrt(0.1 * 2.0))
    ranged = measured(sampled(TWO_SECONDS), gpu=PARTIAL)
    # A load in step with the looks may have been anywhere between 50 W and 300 W.
    expected = 0.75 * math.hypot(300 * math.sqrt(0.1 * 2.0), 250 * 2.0 / math.sqrt(3))
    assert ranged.parts_j["aliasing"] == pytest.approx(expected)


def test_missing_readings_are_a_part_of_the_uncertainty():
    found = measured(sampled(TWO_SECONDS, unread=(3.0, 3.2)))
    assert found.energy_j == pytest.approx(600.0)
    assert found.parts_j["gaps"] == pytest.approx(2 * 0.2 * 250 / math.sqrt(12))


def test_a_window_without_readings_has_no_energy_even_when_the_sensors_come_back():
    """Both sensors show 50 W before the gap and after it; a line between them would be 100 J."""
    assert measured(sampled(TWO_SECONDS, averaged(TWO_SECONDS), unread=(1.9, 5.1))) is None


def test_instant_power_that_missed_most_of_the_window_is_left_out():
    readings = sampled(TWO_SECONDS, averaged(TWO_SECONDS), unread=(2.0, 3.3))
    assert measured(sampled(TWO_SECONDS, unread=(2.0, 3.3))) is None
    # The 1 s average at 3.3 s still shows what was drawn from 2.3 s on.
    found = measured(readings)
    assert found.parts_j["gaps"] > 0
    assert abs(found.energy_j - 600) <= found.own_error_j


def test_the_integral_over_a_gap_is_as_uncertain_as_the_power_in_it():
    log = PowerLog()
    for second in (*range(200), *range(260, 700)):  # sampled once per second, but for 61 s
        log.add(float(second), instant_w=300.0 if 100 <= second < 650 else 50.0)
    found = by_power(WHOLE, log, 1.0, 5.0, 690.0)
    assert found.parts_j["gaps"] == pytest.approx(2 * (61 - 1) * 250 / math.sqrt(12))


@pytest.mark.parametrize(("start_s", "end_s"), [(-0.5, 2.0), (4.0, 7.0), (9.0, 10.0)])
def test_a_window_that_the_log_does_not_cover_has_no_energy(start_s, end_s):
    assert measured(sampled([100.0] * 60), start_s, end_s) is None


def test_no_sensor_no_energy():
    assert measured(PowerLog()) is None


def test_in_a_long_window_the_edges_do_not_matter_and_the_integral_is_taken():
    log = PowerLog()
    for second in range(620):
        log.add(float(second), instant_w=100.0)
    found = by_power(WHOLE, log, 1.0, 5.0, 610.0)
    assert found.energy_j == pytest.approx(60_500.0)
    assert found.parts_j["gain"] == pytest.approx(3025.0)
    assert found.parts_j["edges"] == pytest.approx(2 * 100 * math.hypot(0.1, 1.0) / math.sqrt(6))


def test_in_a_long_window_the_1_s_average_is_unwound_from_idle_power_just_before():
    log = PowerLog()
    for number in range(6300):
        log.add(number / 10 + 0.05, average_w=300.0 if 10.5 <= number / 10 < 620 else 60.0)
    # From 10.5 s to 615 s: averages of 605 s that end at 615 s, less the half second of 60 W that lies before the work.
    assert by_power(WHOLE, log, 0.1, 10.5, 615.0).energy_j == pytest.approx(605 * 300.0 - 0.5 * 60.0)


def test_a_log_that_thinned_its_distant_past_has_no_gaps():
    log = PowerLog(capacity=4096)
    for number in range(20_000):  # 2000 s; in the end the first samples are 0.4 s apart, each the mean of four
        log.add(number / 10, instant_w=100.0 + 100 * (number % 2))
    spacing_s = [after - before for before, after in zip(log.times(0, 300), log.times(0, 300)[1:])]
    assert max(spacing_s) > 0.3
    found = by_power(WHOLE, log, 0.1, 10.0, 1990.0)
    assert found.energy_j == pytest.approx(150.0 * 1980.0, rel=1e-4)
    assert "gaps" not in found.parts_j


def test_a_sensor_faster_than_the_sampler_is_integrated():
    fast = PowerLog()
    for number in range(120):
        fast.add(number / 20, instant_w=100.0 + number % 2)  # another value in every sample
    found = by_power(a_gpu(architecture="volta"), fast, 0.05, 2.0, 4.0)
    assert found.energy_j == pytest.approx(201.0, rel=1e-3)
    # Samples are 50 ms apart, and each shows 10 ms.
    assert found.parts_j["aliasing"] == pytest.approx(0.8 * found.energy_j / 2 * math.sqrt(0.05 * 2.0))
