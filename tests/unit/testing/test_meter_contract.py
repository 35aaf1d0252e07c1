"""Meters with an error break the contract of meters."""

from __future__ import annotations

import math
import threading

import pytest

from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.testing import FakeClock, FakeMeter, MeterContract

CONTRACT = MeterContract()
A_READING = CONTRACT.test_a_reading_has_joules_and_a_method_or_a_reason
AN_UNCERTAINTY = CONTRACT.test_a_measurement_has_an_uncertainty_and_an_estimate_has_none


class BadMeter(FakeMeter):
    """Closes every window with one reading, which may be one that the type itself would refuse."""

    def __init__(self, **reading):
        super().__init__()
        self._reading = EnergyReading.model_construct(**{"meter": "bad", "method": "counter", **reading})

    def open_window(self):
        return self

    def close(self, start_s, end_s):
        return self._reading

    def abandon(self):
        pass


@pytest.mark.parametrize(
    ("check", "reading"),
    [
        *((A_READING, {"energy_j": joules}) for joules in (-20.0, 0.0, math.nan, math.inf, -math.inf)),
        *(
            (A_READING, {"energy_j": 20.0, "per_device_j": {"GPU-0": joules, "GPU-1": 40.0}})
            for joules in (-20.0, math.nan, math.inf)
        ),
        (A_READING, {"energy_j": None, "reason": None}),
        (A_READING, {"energy_j": None, "reason": "lost", "per_device_j": {"GPU-0": 1.0}}),
        (A_READING, {"energy_j": 20.0, "method": None}),
        *((AN_UNCERTAINTY, {"energy_j": 20.0, "uncertainty_j": error}) for error in (None, -1.0, 0.0, math.nan, math.inf)),
        (AN_UNCERTAINTY, {"energy_j": 20.0, "uncertainty_j": 1.0, "method": "estimated"}),
        (CONTRACT.test_devices_sum_to_the_total, {"energy_j": 20.0, "per_device_j": {"GPU-0": 5.0, "GPU-1": 14.0}}),
        (CONTRACT.test_windows_follow_and_nest, {"energy_j": 20.0}),
    ],
)  # fmt: skip
def test_a_reading_that_cannot_be_breaks_the_contract(check, reading):
    with pytest.raises(AssertionError):
        check((BadMeter(**reading), FakeClock()))


class LosesASecond(FakeMeter):
    """Its windows begin 0.8 s late."""

    def open_window(self):
        window = super().open_window()
        close = window.close
        window.close = lambda start_s, end_s: close(start_s + 0.8, end_s)
        return window


class Oversleeps(FakeClock):
    """Sleeps twice as long as asked when it is asked for longer than a second, as on a busy machine."""

    def sleep(self, seconds):
        super().sleep(seconds * 2 if seconds > 1 else seconds)


def test_a_steady_meter_keeps_the_contract_with_a_clock_that_sleeps_too_long():
    CONTRACT.test_power_does_not_depend_on_the_length_of_the_window((FakeMeter(), Oversleeps()))


class WithoutDevices(FakeMeter):
    devices = (0,)


class Nameless(FakeMeter):
    name = ""


@pytest.mark.parametrize(
    ("meter", "check"),
    [
        (LosesASecond, CONTRACT.test_power_does_not_depend_on_the_length_of_the_window),
        (WithoutDevices, CONTRACT.test_it_is_a_meter_with_a_name),
        (Nameless, CONTRACT.test_it_is_a_meter_with_a_name),
        (object, CONTRACT.test_it_is_a_meter_with_a_name),
    ],
)
def test_a_meter_with_an_error_breaks_the_contract(meter, check):
    with pytest.raises(AssertionError):
        check((meter(), FakeClock()))


def test_a_thread_that_outlives_the_release_breaks_the_contract():
    ends = threading.Event()

    class Working(FakeMeter):
        def open_window(self):
            threading.Thread(target=ends.wait, daemon=True).start()
            return super().open_window()

    try:
        with pytest.raises(AssertionError, match="release left a thread"):
            CONTRACT.test_release_leaves_no_thread_and_no_process_even_of_an_open_window((Working(), FakeClock()))
    finally:
        ends.set()


def test_a_meter_that_fails_at_its_second_release_breaks_the_contract():
    class Once(FakeMeter):
        def release(self):
            super().release()
            assert self.released == 1

    with pytest.raises(AssertionError):
        CONTRACT.test_release_is_safe_twice((Once(), FakeClock()))
