"""Whether a process is running, from the heartbeat file that it touches."""

from __future__ import annotations

import os

import pytest

from llenergymeasure.launch.heartbeats import SILENT_S, Heartbeats
from llenergymeasure.testing import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def touch(tmp_path):
    def touch_at(rank, wall_s):
        path = tmp_path / f"rank-{rank:05d}.alive"
        path.write_text("1234")
        os.utime(path, (wall_s, wall_s))

    return touch_at


def test_a_process_without_a_first_heartbeat_is_not_silent_yet(tmp_path, clock):
    beats = Heartbeats(tmp_path, 2, clock.now)
    clock.sleep(10 * SILENT_S)
    assert beats.silent() == ()


def test_a_process_whose_heartbeat_stopped_for_too_long_is_silent_and_stays_so(tmp_path, clock, touch):
    beats = Heartbeats(tmp_path, 2, clock.now)
    for second in range(30):
        touch(0, 1000 + second)
        if second == 0:
            touch(1, 1000)
        expected = (1,) if second > SILENT_S else ()
        assert beats.silent() == expected
        clock.sleep(1)
    touch(1, 2000)
    assert beats.silent() == (1,)


@pytest.mark.parametrize("step_s", [-86_400, -30, 30, 86_400])
def test_a_wall_clock_that_is_set_makes_no_process_silent(tmp_path, clock, touch, step_s):
    beats = Heartbeats(tmp_path, 2, clock.now)
    for second in range(40):
        for rank in (0, 1):
            touch(rank, 100_000 + second + (step_s if second >= 20 else 0))
        assert beats.silent() == ()
        clock.sleep(1)


def test_a_machine_that_was_stopped_makes_no_process_silent(tmp_path, clock, touch):
    """Nothing ran meanwhile, and the first that runs again may be the one that looks."""
    beats = Heartbeats(tmp_path, 1, clock.now)
    touch(0, 1000)
    assert beats.silent() == ()
    clock.sleep(3600)
    assert beats.silent() == ()


@pytest.mark.parametrize("every_s", [0.1, 1.0, 2.1, 30.0])
def test_a_process_that_hangs_is_found_however_seldom_the_parent_looks(tmp_path, clock, touch, every_s):
    beats, looks = Heartbeats(tmp_path, 1, clock.now), 0
    touch(0, 1000)
    while not beats.silent():
        looks += 1
        clock.sleep(every_s)
    assert looks * min(every_s, 2.0) == pytest.approx(SILENT_S, abs=2.1)
