"""The observed updates of sensors and counters."""

from __future__ import annotations

import random

import pytest

from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.core.sampling.updates import (
    energy_steps,
    longest_standstill_s,
    regular_ticks,
    tick_times,
    update_times,
    updates_of,
    updates_within,
)
from llenergymeasure.records import EnergyStep
from power_logs import shown, steps


def test_updates_are_where_the_value_changed():
    assert tick_times([(0, 5.0), (1, 5.0), (2, 6.0), (3, 6.0), (4, 5.0)]) == [2, 4]


def test_regular_ticks_are_found_through_jitter_and_missing_ones():
    rng = random.Random(3)
    true = [0.1 * number for number in range(100) if number % 7]
    seen = [time_s + rng.uniform(-0.02, 0.02) for time_s in true]
    assert max(abs(a - b) for a, b in zip(regular_ticks(seen), true)) < 0.006


def test_updates_that_are_not_regular_lie_between_the_samples_that_showed_them():
    points = [(0.0, 1.0), (0.1, 1.0), (0.2, 2.0), (0.3, 2.0), (0.4, 2.0), (0.5, 3.0), (0.6, 3.0), (2.0, 4.0)]
    assert [round(time_s, 3) for time_s, _ in update_times(points)] == [0.15, 0.45, 1.3]


def test_updates_of_a_window_are_those_inside_it():
    log = shown("instant_w", range(50))  # first samples of readings at 0.0125 s, 0.1125 s, ...
    assert updates_within(log, "instant_w", 1.0, 1.3) == pytest.approx([1.0125, 1.1125, 1.2125])


def test_the_device_that_updated_least_counts_and_the_gaps_of_all():
    assert updates_of([[1.0, 1.1, 1.2], [1.0, 1.3]]) == (2, pytest.approx(0.1))
    assert updates_of([[1.0], []]) == (0, None)


def test_a_standstill_is_the_longest_time_with_one_value():
    assert longest_standstill_s([(0.0, 1.0), (0.2, 1.0), (0.5, 2.0), (0.6, 2.0), (0.9, 2.0)]) == pytest.approx(0.4)
    assert longest_standstill_s([(0.0, 1.0), (5.0, 2.0)]) == 0.0
    assert longest_standstill_s([]) == 0.0


def test_a_regular_tick_is_reported_to_its_moment():
    assert update_times(shown("energy_j", [10.0 * number for number in range(5)]).between("energy_j", 0, 1)) == [
        (pytest.approx(0.1 * number), 10.0 * number) for number in range(1, 5)
    ]


def test_ticks_are_regular_where_their_samples_are_not():
    points = [(0.0, 0)]
    for number, middle_s in enumerate((0.105, 0.195, 0.305, 0.395)):
        points += [(middle_s - 0.02, number), (middle_s + 0.02, number + 1)]
    # Least squares through 0.105, 0.195, 0.305 and 0.395: 0.098 s apart around 0.25.
    assert [time_s for time_s, _ in update_times(points)] == pytest.approx([0.103, 0.201, 0.299, 0.397])


def test_a_sensor_that_changes_with_every_sample_updates_when_it_is_sampled():
    assert update_times([(0.0, 1.0), (0.1, 2.0), (0.2, 3.0)]) == [(0.1, 2.0), (0.2, 3.0)]


def test_steps_of_the_counter_are_the_joules_between_its_ticks_in_the_window():
    found = energy_steps(shown("energy_j", [10.0 * number for number in range(50)]), 0.95, 1.25)
    assert found == (
        EnergyStep(pytest.approx(1.0), pytest.approx(1.1), 10.0),
        EnergyStep(pytest.approx(1.1), pytest.approx(1.2), 10.0),
    )


def test_without_a_counter_a_reading_of_power_is_the_step_before_it():
    found = energy_steps(shown("instant_w", steps(*((float(100 + number), 1) for number in range(50)))), 0.95, 1.25)
    assert found == (
        EnergyStep(pytest.approx(1.0), pytest.approx(1.1), pytest.approx(11.1)),  # 111 W for 0.1 s
        EnergyStep(pytest.approx(1.1), pytest.approx(1.2), pytest.approx(11.2)),
    )


def test_where_updates_were_missed_there_is_no_step():
    joules = [10.0 * number for number in range(30)]
    joules[12:14] = [None, None]  # what comes next was shown from some moment between 1.1875 s and 1.4125 s on
    starts = [step.start_s for step in energy_steps(shown("energy_j", joules), 0.95, 1.85)]
    assert starts == pytest.approx([1.0, 1.5, 1.6, 1.7])


def test_a_sensor_without_updates_has_no_steps():
    assert energy_steps(PowerLog(), 1.0, 2.0) == ()
    assert energy_steps(shown("energy_j", [5.0] * 30), 1.0, 2.0) == ()
