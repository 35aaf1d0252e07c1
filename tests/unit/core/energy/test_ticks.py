"""Waiting for the ticks of a counter, poll by poll."""

from __future__ import annotations

import pytest

from fake_gpu import a_gpu
from llenergymeasure.core.energy.ticks import CounterWatch, Tick, polls, ticks_of, watch_counters
from llenergymeasure.exceptions import ReadingFailed, SensorFault
from llenergymeasure.testing import FakeClock


class Scripted:
    """A door that returns one answer after another, and repeats the last one; an exception is raised."""

    def __init__(self, clock, *answers, cost_s=0.0):
        self._clock, self._answers, self._cost_s = clock, list(answers), cost_s

    def energy_j(self, gpu):
        self._clock.sleep(self._cost_s)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def polled(*answers, every_s=0.01, cost_s=0.0):
    """A watch that was polled once per answer, the first time at 0 s."""
    clock, watch = FakeClock(), CounterWatch(a_gpu())
    clock.seconds = 0.0
    door = Scripted(clock, *answers, cost_s=cost_s)
    for _ in answers:
        watch.poll(door, clock)
        clock.sleep(every_s)
    return watch


def test_a_tick_is_in_the_middle_between_the_poll_that_shows_it_and_the_one_before():
    watch = polled(100.0, 100.0, 105.0, 105.0, 105.0, 110.0)
    assert watch.ticks == [
        Tick(pytest.approx(0.015), 105.0, pytest.approx(0.01)),
        Tick(pytest.approx(0.045), 110.0, pytest.approx(0.01)),
    ]
    assert watch.done
    assert watch.why_not is None


def test_a_poll_has_the_time_of_the_middle_of_its_call():
    watch = polled(100.0, 105.0, 110.0, every_s=0.0, cost_s=0.02)  # middles at 0.01 s, 0.03 s and 0.05 s
    assert [tick.time_s for tick in watch.ticks] == pytest.approx([0.02, 0.04])
    assert watch.slowest_s == pytest.approx(0.02)


def test_the_first_value_is_no_tick():
    watch = polled(100.0)
    assert (watch.ticks, watch.done) == ([], False)


def test_after_two_ticks_it_stops_polling():
    assert len(polled(100.0, 105.0, 110.0, 115.0, 120.0).ticks) == 2


def test_a_counter_that_began_anew_is_watched_from_there():
    watch = polled(900.0, 905.0, 0.0, 5.0, 10.0)
    assert [tick.energy_j for tick in watch.ticks] == [5.0, 10.0]


def test_a_device_without_a_counter_is_done_and_has_no_fault():
    watch = polled(None)
    assert (watch.done, watch.why_not) == (True, None)


def test_a_failed_poll_widens_the_tick_and_is_forgotten_with_the_next():
    watch = polled(100.0, ReadingFailed("Timeout"), 105.0, 110.0)
    assert watch.ticks[0] == Tick(pytest.approx(0.01), 105.0, pytest.approx(0.02))
    assert watch.why_not is None


def test_a_counter_that_cannot_be_read_has_the_reason():
    watch = polled(ReadingFailed("Timeout"))
    assert (watch.done, watch.why_not) == (False, "could not be read (Timeout)")
    lost = polled(SensorFault("GPU is lost"))
    assert (lost.done, lost.why_not) == (True, "could not be read (GPU is lost)")


def watched(*answers, cost_s=0.0):
    clock = FakeClock()
    start_s = clock.now()
    watches = watch_counters(Scripted(clock, *answers, cost_s=cost_s), [a_gpu()], clock)
    return watches, clock.now() - start_s


def test_watching_ends_with_the_second_tick():
    watches, seconds = watched(100.0, 100.0, 105.0, 105.0, 110.0)
    assert ticks_of(watches)["GPU-0"] == tuple(watches["GPU-0"].ticks)
    assert seconds == pytest.approx(0.004)  # five polls, 1 ms apart


def test_a_counter_that_stands_still_is_left_after_half_a_second():
    watches, seconds = watched(100.0)
    assert ticks_of(watches) == {}
    assert seconds == pytest.approx(0.5, abs=0.002)
    assert watches["GPU-0"].why_not == "did not advance for 0.5 s"


def test_a_slow_counter_is_reported():
    watches, _ = watched(100.0, cost_s=2.0)
    assert watches["GPU-0"].why_not == "took 2 s to answer"


def test_one_tick_is_not_enough():
    watches, _ = watched(100.0, 105.0)
    assert ticks_of(watches) == {}


class Stopped(FakeClock):
    """The clock of a process that the system stops once, in one of its pauses."""

    def __init__(self, pause, for_s):
        super().__init__()
        self._pause, self._for_s, self._pauses = pause, for_s, 0

    def sleep(self, seconds):
        self._pauses += 1
        super().sleep(self._for_s if self._pauses == self._pause else seconds)


def test_the_time_in_which_the_process_was_stopped_does_not_count():
    clock = Stopped(pause=2, for_s=2.0)
    door = Scripted(FakeClock(), *[100.0] * 200, 105.0, 110.0)
    watches = watch_counters(door, [a_gpu()], clock)
    assert [tick.energy_j for tick in ticks_of(watches)["GPU-0"]] == [105.0, 110.0]
    assert clock.now() - 100.0 == pytest.approx(2.2, abs=0.01)


class Running:
    """A counter of 300 W with a tick every 20 ms."""

    def __init__(self, clock):
        self._clock = clock

    def energy_j(self, gpu):
        return 6.0 * ((self._clock.now() + 1e-9) // 0.02)


@pytest.mark.parametrize("for_s", [0.03, 0.3, 2.0])
@pytest.mark.parametrize("pause", [5, 25, 45])  # before, between and after the first ticks
def test_a_tick_has_its_time_although_the_process_was_stopped(pause, for_s):
    clock = Stopped(pause, for_s)
    for tick in ticks_of(watch_counters(Running(clock), [a_gpu()], clock))["GPU-0"]:
        assert tick.energy_j == pytest.approx(300.0 * tick.time_s, abs=0.5)
        assert tick.poll_s <= 0.0011


@pytest.mark.parametrize(("slow", "lasts_s"), [({3}, 0.6), ({3, 4}, 1.004), (range(999), 1.0)])
def test_one_slow_poll_does_not_count_and_several_do(slow, lasts_s):
    clock = FakeClock()
    for number, _ in enumerate(polls(clock, 0.001, limit_s=0.1), start=1):
        clock.sleep(0.5 if number in slow else 0.0)
    assert clock.now() - 100.0 == pytest.approx(lasts_s, abs=0.005)


def test_where_each_poll_is_slow_the_ticks_that_are_known_best_are_taken():
    watch = polled(100.0, 105.0, 110.0, 115.0, every_s=0.03)
    assert [tick.energy_j for tick in watch.two] == [105.0, 110.0]


def test_a_tick_that_a_slow_reading_shows_is_known_less_well_than_one_between_distant_polls():
    clock, watch = FakeClock(), CounterWatch(a_gpu())
    polled = [
        (100.0, 0.0, 0.001),
        (100.0, 0.0, 0.001),
        (105.0, 0.4, 0.3),
        (110.0, 0.0, 0.3),
        (115.0, 0.0, 0.3),
        (120.0, 0.0, 0.3),
    ]
    for energy_j, cost_s, pause_s in polled:
        watch.poll(Scripted(clock, energy_j, cost_s=cost_s), clock)
        clock.sleep(pause_s)
    assert [tick.energy_j for tick in watch.two] == [115.0, 120.0]
