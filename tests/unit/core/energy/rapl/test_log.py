"""One counter: its return to 0, and jumps that are no consumption."""

from __future__ import annotations

from pathlib import Path

import pytest

from llenergymeasure.core.energy.rapl.log import ZoneLog
from llenergymeasure.core.energy.rapl.zones import Zone
from llenergymeasure.exceptions import ReadingFailed, SensorFault
from llenergymeasure.testing import FakeClock

RANGE_UJ = 65_000_000_000


class Scripted(Zone):
    """A zone whose counter shows one value after another; an exception is raised."""

    def read_uj(self):
        value = self.folder.pop(0)
        if isinstance(value, Exception):
            raise value
        return value


def sampled(*values, every_s=0.1):
    clock = FakeClock()
    log = ZoneLog(Scripted("package-0", list(values), RANGE_UJ, counted=True), clock)
    for _ in values:
        log.sample()
        clock.sleep(every_s)
    return log


def joules(log):
    return [value for _, value in log.energy.between("energy_j", 0.0, 1e9)]


def test_the_first_sample_is_0_and_the_others_are_the_rise():
    assert joules(sampled(7_000_000, 12_000_000, 12_000_000, 20_000_000)) == pytest.approx([0.0, 5.0, 5.0, 13.0])


def test_a_counter_that_returns_to_0_after_its_range_goes_on_rising():
    log = sampled(RANGE_UJ - 3_000_000, 4_000_000)
    assert joules(log) == pytest.approx([0.0, 7.0])
    assert log.faults == []


def test_a_counter_that_falls_in_the_middle_of_its_range_went_backwards():
    log = sampled(30_000_000_000, 1_000_000, 2_000_000)
    assert joules(log) == pytest.approx([0.0, 0.0, 1.0])
    ((_, text),) = log.faults
    assert text == "went backwards from 30000 to 1 J, which is not its return to 0 after its range"


def test_a_counter_that_jumps_by_more_than_a_machine_can_draw_has_a_fault():
    log = sampled(0, 5_000_000_000)
    assert joules(log) == [0.0, 0.0]
    assert log.faults[0][1] == "rose by 5000 J in 0.1 s"


def test_a_counter_that_was_not_read_for_longer_than_its_range_lasts_has_a_fault():
    log = sampled(0, 1_000_000, every_s=60.0)
    assert log.faults[0][1] == "was not read for 60 s and may have returned to 0 meanwhile"


def test_a_value_that_is_no_number_is_a_fault_and_the_next_sample_is_taken():
    log = sampled(0, ReadingFailed("shows no number"), 2_000_000)
    assert joules(log) == pytest.approx([0.0, 2.0])
    assert [text for _, text in log.faults] == ["shows no number"]


def test_a_counter_that_vanished_is_not_read_again():
    log = sampled(0, SensorFault("can no longer be read"), 2_000_000)
    assert joules(log) == [0.0]
    assert log.gone == "can no longer be read"


def test_the_time_until_the_sample_after_a_restart_is_not_measured():
    log = sampled(0, 1_000_000)
    log.zone.folder.extend([40_000_000, 43_000_000])
    log.restart()
    log.sample()
    log.sample()
    assert joules(log) == pytest.approx([0.0, 1.0, 1.0, 4.0])


def test_a_tick_is_in_the_middle_of_two_samples():
    (tick,) = sampled(0, 0, 500_000, 500_000, every_s=0.01).ticks(100.0, 101.0)
    assert (tick.time_s, tick.energy_j, tick.poll_s) == pytest.approx((100.015, 0.5, 0.01))


def test_a_tick_after_the_process_was_stopped_is_used_only_where_there_are_no_others():
    log = sampled(0, 500_000, 1_000_000, every_s=0.1)
    assert [tick.energy_j for tick in log.ticks(100.0, 101.0)] == [0.5, 1.0]
    log.zone.folder.extend([1_500_000, 2_000_000, 2_500_000])
    for _ in range(3):
        log.sample()
        log._clock.sleep(0.001)
    assert [tick.energy_j for tick in log.ticks(100.0, 101.0)] == [2.0, 2.5]


def test_the_folder_of_a_real_zone_is_a_path():
    assert Zone("package-0", Path("zone"), RANGE_UJ, counted=True).counter == Path("zone/energy_uj")
