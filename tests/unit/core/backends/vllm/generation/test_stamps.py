"""Stamps of the engine on the clock of the measurement."""

from __future__ import annotations

import pytest

from llenergymeasure.core.backends.vllm.generation.stamps import to_clock
from llenergymeasure.testing import FakeClock


def reading(clock, offset_s, stopped_s):
    """An engine's clock, while whose reading the process is stopped twice."""

    def now():
        clock.sleep(stopped_s)
        seconds = clock.now() + offset_s
        clock.sleep(stopped_s)
        return seconds

    return now


@pytest.mark.parametrize("stopped_s", [0.0, 1e-3, 2.0])
def test_one_clock_is_itself_although_the_process_is_stopped_between_two_readings(stopped_s):
    clock = FakeClock()
    assert to_clock(clock, reading(clock, 0.0, stopped_s))(123.0) == 123.0


@pytest.mark.parametrize("offset_s", [-50.0, 50.0])
def test_stamps_of_another_clock_are_shifted(offset_s):
    clock = FakeClock()
    assert to_clock(clock, reading(clock, offset_s, 1e-3))(123.0) == pytest.approx(123.0 - offset_s)
