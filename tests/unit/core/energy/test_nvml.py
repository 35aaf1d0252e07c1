"""The NVML meter on fake GPUs with exactly known energy. The clock is fake too: it advances only when a test sleeps."""

from __future__ import annotations

import random

import pytest

from fake_gpu import FakeDoor, FakeGpu, SamplingClock, a_gpu
from llenergymeasure.core.energy.nvml import NvmlMeter
from llenergymeasure.core.sampling.sampler import GpuSampler


class Measuring:
    """One meter on fake GPUs; `window` runs a load and returns reading and truth."""

    def __init__(
        self,
        *models: FakeGpu,
        architecture: str = "ampere",
        averaging: bool = True,
        name: str = "A6000",
        watched_s: float = 3.0,
    ) -> None:
        self.models = models or (FakeGpu(),)
        self.clock = SamplingClock()
        self.gpus = [a_gpu(index, architecture, name) for index in range(len(self.models))]
        self.door = FakeDoor(self.clock, self.models, averaging=averaging)
        self.sampler = GpuSampler(self.door, self.gpus, self.clock)
        self.clock.sampler = self.sampler
        self.meter = NvmlMeter(self.door, self.gpus, self.sampler, self.clock)
        self.clock.sleep(watched_s)

    def window(self, seconds: float, watts: float = 350.0, idle: float = 60.0):
        measurement = self.meter.open_window()
        start_s = self.clock.now()
        for model in self.models:
            model.switch(start_s, watts)
        self.clock.sleep(seconds)
        end_s = self.clock.now()
        for model in self.models:
            model.switch(end_s, idle)
        truth = sum(model.energy_j(end_s) - model.energy_j(start_s) for model in self.models)
        return measurement.close(start_s, end_s), truth


def errors(make, seconds, repeats=40, seed=1):
    """Relative errors and the share of windows whose stated uncertainty, gain left out, covers the truth."""
    random_ = random.Random(seed)
    found, covered = [], 0
    for _ in range(repeats):
        bench = make(random_)
        bench.clock.sleep(random_.random())
        reading, truth = bench.window(seconds)
        found.append((reading.energy_j - truth) / truth)
        covered += abs(reading.energy_j - truth) <= stated_j(reading)
    return found, covered / repeats


def stated_j(reading):
    """The stated uncertainty, gain left out."""
    return sum(part**2 for name, part in reading.uncertainty_parts_j.items() if name != "gain") ** 0.5


@pytest.mark.parametrize(("seconds", "limit"), [(0.1, 0.03), (0.3, 0.01), (1.0, 0.01), (3.0, 0.003), (10.0, 0.003)])
def test_a_true_counter_is_right_to_the_stated_limit(seconds, limit):
    found, covered = errors(lambda r: Measuring(FakeGpu(tick_phase_s=0.1 * r.random())), seconds)
    assert max(map(abs, found)) <= limit
    assert covered >= 0.95


@pytest.mark.parametrize("tick_s", [0.1, None])
def test_idle_power_with_too_few_samples_is_assumed_to_vary(tick_s):
    """It differs by a tenth from moment to moment, and the window begins as soon as the meter is open."""
    random_, inside = random.Random(1), 0
    for _ in range(40):
        model = FakeGpu(tick_s=tick_s, tick_phase_s=0.1 * random_.random())
        idle_again(model, 10.0, random_)
        bench = Measuring(model, watched_s=0.0)
        measurement = bench.meter.open_window()
        start_s = bench.clock.now()
        model.switch(start_s, 350.0)
        bench.clock.sleep(0.5)
        end_s = bench.clock.now()
        idle_again(model, end_s, random_)
        reading = measurement.close(start_s, end_s)
        inside += abs(reading.energy_j - 175.0) <= stated_j(reading)
    assert inside >= 38


def idle_again(model, from_s, random_):
    for number in range(40):
        model.switch(from_s + 0.05 * number, random_.gauss(60.0, 6.0))


@pytest.mark.parametrize(("seconds", "limit"), [(1.0, 0.05), (10.0, 0.01)])
def test_without_a_counter_the_average_is_unwound(seconds, limit):
    found, covered = errors(lambda r: Measuring(FakeGpu(tick_s=None)), seconds)
    assert max(map(abs, found)) <= limit
    assert covered >= 0.95


@pytest.mark.parametrize(("seconds", "limit"), [(1.0, 0.1), (10.0, 0.01)])
def test_without_counter_and_average_instant_power_is_back_dated(seconds, limit):
    found, covered = errors(lambda r: Measuring(FakeGpu(tick_s=None), averaging=False, architecture="turing"), seconds)
    assert max(map(abs, found)) <= limit
    assert covered >= 0.95


def test_a_constant_load_of_350_w_for_2_s_is_700_j():
    reading, truth = Measuring().window(2.0)
    assert truth == pytest.approx(700.0)
    assert reading.energy_j == pytest.approx(700.0, rel=0.003)
    assert reading.method == "counter"
    assert reading.crosscheck_j == pytest.approx(700.0, rel=0.05)


def test_two_devices_are_distinguished_and_summed():
    bench = Measuring(FakeGpu(tick_phase_s=0.02), FakeGpu(tick_phase_s=0.07))
    reading, truth = bench.window(1.0)
    assert set(reading.per_device_j) == {"GPU-0", "GPU-1"}
    assert sum(reading.per_device_j.values()) == pytest.approx(reading.energy_j)
    assert reading.energy_j == pytest.approx(truth, rel=0.01)


def test_a_counter_that_goes_backwards_is_void_and_said_so():
    bench = Measuring(FakeGpu(reset_at_s=14.0))
    reading, truth = bench.window(3.0)
    assert reading.method == "sampled"
    assert "went backwards" in reading.problems[0]
    assert reading.energy_j == pytest.approx(truth, rel=0.05)


def test_a_counter_that_freezes_is_void_and_said_so():
    bench = Measuring(FakeGpu(frozen_from_s=14.0))
    reading, truth = bench.window(3.0)
    assert reading.method == "sampled"
    assert "did not advance" in reading.problems[0]
    assert reading.energy_j == pytest.approx(truth, rel=0.05)


def test_a_lost_gpu_voids_the_window_with_the_reason():
    reading, _ = Measuring(FakeGpu(lost_from_s=14.0)).window(3.0)
    assert reading.energy_j is None
    assert "GPU is lost" in reading.reason


def test_one_lost_gpu_of_two_voids_the_total():
    reading, _ = Measuring(FakeGpu(), FakeGpu(lost_from_s=14.0)).window(3.0)
    assert reading.energy_j is None
    assert reading.per_device_j is None


def test_one_failing_call_in_three_changes_nothing_but_the_report():
    bench = Measuring(FakeGpu(fails=lambda call: call % 3 == 0))
    reading, truth = bench.window(3.0)
    assert reading.energy_j == pytest.approx(truth, rel=0.005)


def test_the_uncertainty_is_its_parts_in_quadrature():
    reading, _ = Measuring().window(1.0)
    assert reading.uncertainty_j == pytest.approx(sum(part**2 for part in reading.uncertainty_parts_j.values()) ** 0.5)
    assert reading.uncertainty_parts_j["gain"] == pytest.approx(0.05 * reading.energy_j)


def test_updates_of_the_counter_are_counted():
    reading, _ = Measuring().window(2.0)
    assert 18 <= reading.n_readings <= 21
    assert reading.update_period_s == pytest.approx(0.1, abs=0.06)


def test_windows_may_be_nested():
    bench = Measuring()
    outer = bench.meter.open_window()
    start_s = bench.clock.now()
    inner_reading, inner_truth = bench.window(1.0)
    end_s = bench.clock.now()
    outer_reading = outer.close(start_s, end_s)
    truth = bench.models[0].energy_j(end_s) - bench.models[0].energy_j(start_s)
    assert inner_reading.energy_j == pytest.approx(inner_truth, rel=0.01)
    assert outer_reading.energy_j == pytest.approx(truth, rel=0.01)
