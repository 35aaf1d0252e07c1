"""The waits between runs."""

from __future__ import annotations

import pytest

from a_study import a_protocol
from fakes import FakeClock, RecordingProgress
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.study.gaps import Waits, never


def a_row(place, cycle=1):
    return RunRow(run_id=f"{place:02}.c{cycle}", place=place, cell=f"{place:02}", cycle=cycle, block="cycle 1")


FIRST, SECOND, NEXT_CYCLE = a_row(1), a_row(2), a_row(3, cycle=2)


class Cooling:
    """A GPU that cools down by 1 C every 2 s from some temperature, to 30 C."""

    def __init__(self, clock, from_c):
        self._clock, self._from_c, self._start_s = clock, from_c, clock.now()

    def __call__(self):
        return {"GPU-0": max(30.0, self._from_c - (self._clock.now() - self._start_s) / 2)}


def waits(clock=None, progress=None, thermometer=dict, start_c=None, skip=never, **protocol):
    fields = {"experiment_gap_s": 60.0, "cycle_gap_s": 300.0, "cooldown_celsius": None, **protocol}
    return Waits(
        a_protocol(**fields), clock or FakeClock(), progress or RecordingProgress(), thermometer, start_c or {}, skip
    )


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
    asked = iter([False] * 40 + [True])  # after 10 s
    found = waits(skip=lambda: next(asked)).before(FIRST, SECOND)
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


def test_the_wait_for_a_temperature_ends_after_its_limit_and_says_how_warm_it_still_is():
    clock = FakeClock()
    found = waits(
        clock, thermometer=lambda: {"GPU-0": 50.0}, start_c={"GPU-0": 30.0}, cooldown_celsius=5.0,
        cooldown_max_s=100.0, experiment_gap_s=0.0,
    ).before(FIRST, SECOND)  # fmt: skip
    assert (found.waited_s, found.above_c) == (pytest.approx(100), 15.0)


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
        skip=lambda: True,
    ).before(FIRST, SECOND)  # fmt: skip
    assert (found.waited_s, found.skipped_s, found.above_c) == (0, 0, 15.0)
