"""Sampling while windows are open."""

from __future__ import annotations

import threading

import pytest

from llenergymeasure.core.energy.rapl.watch import ZoneWatch, in_a_thread
from llenergymeasure.core.energy.rapl.zones import find_zones
from powercapsim import SimClock, SimPowercap, package, part


@pytest.fixture
def watch(tmp_path):
    clock = SimClock()
    tree = SimPowercap(tmp_path / "powercap", [package(), part("core")], clock.seconds)
    clock.moved = tree.update
    made = ZoneWatch(find_zones(tree.root), clock, clock.repeat)
    made.clock = clock
    return made


def test_the_first_window_starts_the_sampling_and_the_last_one_stops_it(watch):
    watch.enter()
    watch.enter()
    watch.leave()
    assert watch.clock.timers == 1
    watch.leave()
    assert watch.clock.timers == 0
    watch.stop()


def test_every_zone_is_sampled_ten_times_a_second(watch):
    watch.enter()
    watch.clock.sleep(1.0)
    assert [len(log.energy) for log in watch.logs.values()] == [11, 11]


def test_it_waits_for_six_ticks_of_a_millisecond(watch):
    watch.enter()
    began_s = watch.clock.now()
    ticks = watch.ticks()["package-0"]
    assert 5 <= len(ticks) <= 6
    assert watch.clock.now() - began_s < 0.0075
    gaps = [late.time_s - early.time_s for early, late in zip(ticks, ticks[1:])]
    assert gaps == pytest.approx([0.001] * len(gaps), abs=0.0001)


def test_a_counter_that_vanished_is_not_waited_for(watch):
    watch.enter()
    watch.logs["package-0"].gone = "can no longer be read"
    began_s = watch.clock.now()
    assert watch.ticks() == {"package-0": []}
    assert watch.clock.now() - began_s < 0.001


def test_the_thread_calls_until_it_is_stopped_and_then_ends():
    called = threading.Event()
    stop = in_a_thread(0.001, called.set)
    assert called.wait(10.0)
    stop()
    assert "llem-rapl" not in {thread.name for thread in threading.enumerate()}
