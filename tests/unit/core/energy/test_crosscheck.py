"""Joules of another library compared with our sampler."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import pytest

from fake_gpu import a_gpu
from llenergymeasure.core.energy.crosscheck import CrossCheck
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.domain.energy import EnergyReading
from power_logs import shown

GPUS = [a_gpu(0, "turing"), a_gpu(1, "turing")]
READING = EnergyReading(
    meter="zeus", energy_j=410.0, per_device_j={"GPU-0": 200.0, "GPU-1": 210.0}, method="counter", uncertainty_j=20.0
)


@dataclass
class Watched:
    """The data of a sampler on both GPUs."""

    power: dict[str, PowerLog]
    faults: dict[str, str] = field(default_factory=dict)
    interval_s: float = 0.025
    caught_up_s: float | None = None

    def catch_up(self, end_s):
        self.caught_up_s = end_s


def both(quantity, first, second):
    return Watched({"GPU-0": shown(quantity, first), "GPU-1": shown(quantity, second)})


def checked(sampler, reading=READING):
    return CrossCheck(GPUS, sampler).of(reading, 2.0, 4.0)


def test_the_check_is_the_sum_of_the_power_sensors_with_their_independent_errors():
    sampler = both("instant_w", [100.0] * 60, [100.0] * 60)
    found = checked(sampler)
    assert found.energy_j == 410.0
    assert found.crosscheck_j == pytest.approx(400.0)
    one_j = 2 * 0.001 * math.hypot(100, 100) / math.sqrt(3)  # steady power: only the length of a call is left
    assert found.crosscheck_uncertainty_j == pytest.approx(math.hypot(one_j, one_j))
    assert sampler.caught_up_s == 4.0


def test_a_gpu_without_power_sensors_leaves_the_sum_unchecked():
    found = checked(Watched({"GPU-0": shown("instant_w", [100.0] * 60), "GPU-1": PowerLog()}))
    assert found == READING


def test_a_reading_without_joules_needs_no_check():
    nothing = EnergyReading(meter="zeus", reason="it failed")
    sampler = both("instant_w", [100.0] * 60, [100.0] * 60)
    assert checked(sampler, nothing) is nothing
    assert sampler.caught_up_s is None


RISING = [10.0 * number for number in range(60)]


def test_a_counter_that_began_anew_voids_the_reading():
    found = checked(both("energy_j", RISING, [10.0 * (number % 30) for number in range(60)]))
    assert (found.energy_j, found.per_device_j) == (None, None)
    assert found.reason == (
        "GPU 1 (RTX A6000): the energy counter went backwards (the driver was reloaded); energy.backend: nvml would "
        "have used the power sensors instead"
    )


def test_a_counter_that_rose_faster_than_the_gpu_can_draw_voids_the_reading():
    limited = [replace(gpu, power_limit_w=50.0) for gpu in GPUS]
    found = CrossCheck(limited, both("energy_j", RISING, RISING)).of(READING, 2.0, 4.0)
    # 200 J in 2 s are twice the limit, 210 J are more.
    assert found.energy_j is None
    assert found.reason.startswith("GPU 1 (RTX A6000): the energy counter rose by 210 J in 2 s")


def test_a_lost_gpu_voids_the_reading_and_what_it_used_is_reported():
    sampler = both("energy_j", RISING, RISING[:31])
    sampler.faults["GPU-1"] = "GPU is lost"
    # 300 J at 3.0875 s less 195 J at 2.0 s.
    assert checked(sampler).reason == ("GPU 1 (RTX A6000): GPU is lost; until then it used 105 J in 1.09 s of 2 s")


def test_ticks_that_the_library_does_not_read_are_counted():
    sampler = both("energy_j", RISING, RISING)
    n_updates, period_s = CrossCheck(GPUS, sampler).updates(2.0, 4.0)
    assert (n_updates, period_s) == (20, pytest.approx(0.1))
