"""The waits between runs."""

from __future__ import annotations

import pytest

from a_study import a_protocol
from fakes import RecordingProgress
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.study.gaps import NoSkip, Waits
from llenergymeasure.testing import FakeClock


def a_row(place, cycle=1):
    return RunRow(run_id=f"{place:02}.c{cycle}", place=place, cell=f"{place:02}", cycle=cycle, block="cycle 1")


FIRST, SECOND, NEXT_CYCLE = a_row(1), a_row(2), a_row(3, cycle=2)


class Cooling:
    """A GPU that cools down by 1 C every 2 s from some temperature, to 30 C."""

    def __init__(self, clock, from_c):
        self._clock, self._from_c, self._start_s = clock, from_c, clock.now()

    def __call__(self):
        return {"GPU-0": max(30.0, self._from_c - (self._clock.now() - self._start_s) / 2)}


class Pressed:
    """A key that is pressed once, after so many looks."""

    hint = ", Enter skips"

    def __init__(self, after):
        self._looks = iter([False] * after + [True])

    def __call__(self):
        return next(self._looks)


def waits(clock=None, progress=None, thermometer=dict, start_c=None, skip=None, **protocol):
    fields = {"experiment_gap_s": 60.0, "cycle_gap_s": 300.0, "cooldown_celsius": None, **protocol}
    return Waits(
        a_protocol(**fields),
        clock or FakeClock(),
        progress or RecordingProgress(),
        thermometer,
        start_c or {},
        skip or NoSkip(),
    )


def test_a_sequential_order_waits_for_the_next_run_and_not_for_a_cycle():
    progress = RecordingProgress()
    waits(progress=progress, order="sequential").before(SECOND, NEXT_CYCLE)
    assert (progress.steps, progress.waited_s) == (["waiting before the next run"], 60)


@pytest.mark.parametrize(
    ("previous", "row", "waited_s"), [(None, FIRST, 0), (FIRST, SECOND, 60), (SECOND, NEXT_CYCLE, 300)]
)
def test_the_gap_depends_on_what_was_before(previous, row, waited_s):
    progress = RecordingProgress()
    found = waits(progress=progress).before(previous, row)
    assert found.waited_s == pytest.approx(waited_s)
    assert progress.waited_s == pytest.approx(waited_s)
    assert (found.skipped_s, found.above_c) == (0, None)


def test_a_skipped_gap_is_recorded():
    progress = RecordingProgress()
    found = waits(progress=progress, skip=Pressed(after=41)).before(FIRST, SECOND)  # 10 s
    assert progress.steps == ["waiting before the next run, Enter skips"]
    assert (found.waited_s, found.skipped_s) == (pytest.approx(10), pytest.approx(50))


def test_a_run_waits_until_the_gpu_is_within_the_tolerance_of_its_first_temperature():
    clock = FakeClock()
    found = waits(
        clock, thermometer=Cooling(clock, 45), start_c={"GPU-0": 30.0}, cooldown_celsius=5.0, experiment_gap_s=0.0
    ).before(FIRST, SECOND)
    assert found.waited_s == pytest.approx(20)  # from 45 to 35 C
    assert found.above_c is None


def test_a_gap_counts_for_the_temperature():
    clock = FakeClock()
    found = waits(clock, thermometer=Cooling(clock, 45), start_c={"GPU-0": 30.0}, cooldown_celsius=5.0).before(
        FIRST, SECOND
    )
    assert found.waited_s == pytest.approx(60)


def test_the_wait_for_a_temperature_ends_after_its_limit_and_reports_the_temperature():
    clock, progress = FakeClock(), RecordingProgress()
    found = waits(
        clock, progress, thermometer=lambda: {"GPU-0": 50.0}, start_c={"GPU-0": 30.0}, cooldown_celsius=5.0,
        cooldown_max_s=100.0, experiment_gap_s=0.0,
    ).before(FIRST, SECOND)  # fmt: skip
    assert (found.waited_s, found.above_c) == (pytest.approx(100), 15.0)
    assert progress.notes == ["a GPU is still 15 C too warm after 100 s"]


def test_the_warmest_gpu_decides_and_one_without_a_reading_does_not():
    readings = {"GPU-0": 30.0, "GPU-1": 42.0}
    found = waits(
        thermometer=lambda: readings, start_c={"GPU-0": 30.0, "GPU-1": 30.0, "GPU-2": 30.0}, cooldown_celsius=5.0,
        cooldown_max_s=1.0,
    ).before(None, FIRST)  # fmt: skip
    assert found.above_c == 7.0


def test_a_cool_down_can_be_skipped():
    found = waits(
        thermometer=lambda: {"GPU-0": 50.0}, start_c={"GPU-0": 30.0}, cooldown_celsius=5.0, experiment_gap_s=0.0,
        skip=Pressed(after=1),
    ).before(FIRST, SECOND)  # fmt: skip
    assert (found.waited_s, found.skipped_s, found.above_c) == (0, 0, 15.0)


def test_a_key_that_was_pressed_before_the_wait_does_not_count():
    assert waits(skip=PressedBefore()).before(FIRST, SECOND).skipped_s == 0


class PressedBefore(Pressed):
    """A key that was pressed during the run before."""

    def __init__(self):
        self._looks = iter([True] + [False] * 1000)
