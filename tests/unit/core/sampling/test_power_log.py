"""Samples in bounded memory."""

from __future__ import annotations

import pytest

from llenergymeasure.core.sampling.power_integral import integral, value_at
from llenergymeasure.core.sampling.power_log import PowerLog


def test_a_full_log_thins_the_distant_past_and_keeps_the_recent_one():
    log = PowerLog(capacity=100)
    for second in range(1000):
        log.add(float(second), energy_j=100.0 * second, instant_w=100.0)
    assert len(log) < 400
    assert log.times(970, 999.5) == [float(second) for second in range(970, 1000)]
    assert integral(log.between("instant_w", 100, 999), 100, 999) == pytest.approx(89_900)
    assert value_at(log.between("energy_j", 300.3, 300.3), 300.3) == pytest.approx(30_030)


def test_a_failed_reading_is_skipped():
    log = PowerLog()
    for time_s, power_w in ((0, 100.0), (1, None), (2, 100.0)):
        log.add(time_s, instant_w=power_w)
    assert log.between("instant_w", 0, 2) == [(0, 100.0), (2, 100.0)]


def test_between_two_times_are_the_readings_from_the_last_before_to_the_first_after():
    log = PowerLog()
    for second in range(6):
        log.add(float(second), instant_w=10.0 * second)
    assert log.between("instant_w", 1.5, 3.5) == [(1, 10.0), (2, 20.0), (3, 30.0), (4, 40.0)]
    assert log.between("instant_w", 2.0, 3.0) == [(1, 10.0), (2, 20.0), (3, 30.0)]
    assert log.between("average_w", 2.0, 3.0) == []


def test_the_newest_sample_has_a_time():
    log = PowerLog()
    assert log.last_s is None
    log.add(3.5, energy_j=1.0)
    assert log.last_s == 3.5
