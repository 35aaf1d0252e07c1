"""A load in step with a sensor that looks at 25 of every 100 ms."""

from __future__ import annotations

import pytest

from llenergymeasure.core.quality.aliasing import unseen_share

PERIOD_S, LOOKS_FOR_S = 0.100, 0.025


def unseen(load_period_s: float, duration_s: float = 10.0) -> float:
    return unseen_share(load_period_s, PERIOD_S, LOOKS_FOR_S, duration_s)


@pytest.mark.parametrize("load_period_s", [0.005, 0.020, 0.025])
def test_a_load_with_a_period_below_one_measurement_is_covered(load_period_s):
    assert unseen(load_period_s) == 0.0


@pytest.mark.parametrize(
    ("load_period_s", "share"),
    [
        (0.050, 0.5),  # every look falls on the same 25 of 50 ms
        (0.100, 0.75),  # on the same 25 of 100 ms
        (0.200, 0.75),  # two looks in each load, 75 ms between them unseen
        (0.500, 0.75),
    ],
)
def test_a_load_synchronous_with_the_sensor_is_covered_in_part(load_period_s, share):
    assert unseen(load_period_s) == pytest.approx(share)


def test_an_asynchronous_load_is_covered_when_the_window_is_long_enough():
    """From look to look the sensor moves by 100 mod 47 = 6 ms: after 4 looks 25 + 24 ms cover the 47."""
    assert unseen(0.047, duration_s=0.4) == pytest.approx(0.0)
    assert unseen(0.047, duration_s=0.2) == pytest.approx(1 - (25 + 12) / 47)


def test_periods_of_unequal_length_shift_the_measurements_at_random():
    """100 periods of 100 ms that scatter by 5 ms move the sensor by about 5 x 10 = 50 ms: 25 + 50 of 100 ms are seen."""
    assert unseen_share(0.1, PERIOD_S, LOOKS_FOR_S, 10.0, spread_s=0.005) == pytest.approx(0.25)


def test_a_sensor_that_always_measures_covers_everything():
    assert unseen_share(0.1, 0.1, 0.1, 10.0) == 0.0
