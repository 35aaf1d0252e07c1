"""The contract of every meter, real or fake."""

from __future__ import annotations

import math
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from fake_gpu import FakeDoor, FakeGpu, SamplingClock, a_gpu
from fakes import FakeClock, FakeMeter
from fakes_energy import FakeMonitor, FakeTracker, TimerClock
from llenergymeasure.config.meters import METERS
from llenergymeasure.core.devices import MeterContext, open_devices
from llenergymeasure.core.energy.codecarbon.meter import CodeCarbonMeter
from llenergymeasure.core.energy.null import NoMeter, NullMeter
from llenergymeasure.core.energy.nvml import NvmlMeter
from llenergymeasure.core.energy.replay import ReplayMeter
from llenergymeasure.core.energy.zeus import ZeusMeter
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.protocols import EnergyBackend
from nvmlsim import sim_gpu
from powercapsim import RaplBench, package, part


def fake_nvml(stack, request):
    clock = SamplingClock()
    gpus = [a_gpu(0), a_gpu(1)]
    door = FakeDoor(clock, [FakeGpu(), FakeGpu(tick_phase_s=0.04)])
    clock.sampler = GpuSampler(door, gpus, clock)
    clock.sleep(3.0)
    return NvmlMeter(door, gpus, clock.sampler, clock), clock


def simulated_rapl(*zones):
    def make(stack, request):
        bench = RaplBench(Path(stack.enter_context(TemporaryDirectory())) / "powercap", *zones, random=Random(1))
        return bench.meter, bench.clock

    return make


def fake_zeus(stack, request):
    clock = FakeClock()
    return ZeusMeter({0: "GPU-a", 1: "GPU-b"}, lambda numbers: FakeMonitor(clock, numbers)), clock


def fake_codecarbon(*gpus, **tracker):
    def make(stack, request):
        clock = TimerClock()
        return CodeCarbonMeter(lambda trail: FakeTracker(trail, clock, **tracker), clock, gpus), clock

    return make


def on_simulated_gpus(name, real):
    """The meter with its real, unmodified library on two GPUs that are simulated below NVML."""

    def make(stack, request):
        sim = request.getfixturevalue("simulate")(sim_gpu(number=0), sim_gpu("a100", number=1), real=real)
        clock = SystemClock() if real else sim.clock
        context = stack.enter_context(open_devices(clock, {}, sampling=real))
        assert METERS[name].probe(context) is None
        return METERS[name].create(context), clock

    return make


def real(name):
    def make(stack, request):
        clock = SystemClock()
        context = stack.enter_context(open_devices(clock, os.environ, sampling=True))
        why_not = METERS[name].probe(context)
        if why_not:
            pytest.skip(f"{name}: {why_not}")
        return METERS[name].create(context), clock

    return make


MAKERS = {
    "fake": lambda stack, request: (FakeMeter(), FakeClock()),
    "null": lambda stack, request: (NullMeter(), FakeClock()),
    "none": lambda stack, request: (NoMeter("nothing here"), FakeClock()),
    "replay": lambda stack, request: (ReplayMeter(lambda: 12.5), FakeClock()),
    "replay, nothing recorded": lambda stack, request: (ReplayMeter(lambda: None), FakeClock()),
    "fake nvml": fake_nvml,
    "rapl on simulated counters": simulated_rapl(
        package(0), part("core", of=0), part("dram", of=0, number=1), package(1, phase_s=0.0004)
    ),
    "rapl whose counter stops": simulated_rapl(package(stops_at_s=100.2)),
    "fake zeus": fake_zeus,
    "fake codecarbon, model": fake_codecarbon(watts={"cpu": 8.0, "ram": 20.0}),
    "fake codecarbon, counter": fake_codecarbon(watts={"cpu": 65.0}, mode="intel_rapl"),
    "fake codecarbon, GPU": fake_codecarbon("GPU-a", watts={"gpu": 300.0, "cpu": 8.0}),
    "fake codecarbon, nothing": fake_codecarbon(),
    "nvml on simulated GPUs": on_simulated_gpus("nvml", real=True),
    "zeus on simulated GPUs": on_simulated_gpus("zeus", real=False),
    **{name: real(name) for name in METERS},
}


@pytest.fixture(params=MAKERS)
def bench(request, tmp_path, monkeypatch):
    """A meter and its clock, in an empty directory with an empty HOME."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with ExitStack() as stack:
        meter, clock = MAKERS[request.param](stack, request)
        yield meter, clock
        meter.release()
        meter.release()
    assert list(tmp_path.iterdir()) == []


def reading_of(meter, clock, seconds=0.2):
    window = meter.open_window()
    start_s = clock.now()
    clock.sleep(seconds)
    reading = window.close(start_s, clock.now())
    window.abandon()
    return reading


def test_it_is_a_meter_with_a_name(bench):
    meter, _ = bench
    assert isinstance(meter, EnergyBackend)
    assert meter.name
    assert all(isinstance(device, str) for device in meter.devices)


def test_a_reading_has_joules_and_a_method_or_a_reason_and_is_never_a_silent_zero(bench):
    reading = reading_of(*bench)
    if reading.energy_j is None:
        assert reading.reason
        assert reading.per_device_j is None
    else:
        assert 0 < reading.energy_j < math.inf
        assert all(0 <= joules < math.inf for joules in (reading.per_device_j or {}).values())
        assert reading.method in ("counter", "sampled", "estimated", "replayed")


def test_devices_sum_to_the_total(bench):
    reading = reading_of(*bench)
    if reading.per_device_j is not None:
        assert sum(reading.per_device_j.values()) == pytest.approx(reading.energy_j)


def test_a_measurement_has_an_uncertainty_and_an_estimate_has_none(bench):
    reading = reading_of(*bench)
    if reading.method in ("counter", "sampled"):
        assert 0 < reading.uncertainty_j < math.inf
    if reading.method in ("estimated", "replayed"):
        assert reading.uncertainty_j is None


def test_windows_follow_and_nest(bench):
    meter, clock = bench
    outer = meter.open_window()
    start_s = clock.now()
    inner = reading_of(meter, clock)
    clock.sleep(0.2)
    reading = outer.close(start_s, clock.now())
    assert (reading.energy_j is None) == (inner.energy_j is None)
    if reading.method == "counter":
        assert reading.energy_j > inner.energy_j


def test_power_does_not_depend_on_the_length_of_the_window(bench):
    """A second that is lost or counted twice shows in windows of about a second."""
    whole, longer = reading_of(*bench, seconds=1.0), reading_of(*bench, seconds=1.4)
    if whole.energy_j is None:
        assert longer.energy_j is None
    else:
        assert steadiest_j(longer) / 1.4 == pytest.approx(steadiest_j(whole) / 1.0, rel=0.3)


def steadiest_j(reading):
    """The RAM's constant where there is one: a real CPU is not steady."""
    return next((domain.energy_j for domain in reading.domains if domain.name == "ram"), reading.energy_j)


def test_release_leaves_no_thread_and_no_process_even_of_an_open_window(bench):
    meter, _ = bench
    threads, processes = set(threading.enumerate()), children()
    meter.open_window()
    meter.open_window().abandon()
    meter.release()
    deadline_s = time.monotonic() + 3
    while (left := set(threading.enumerate()) - threads) and time.monotonic() < deadline_s:
        left.pop().join(timeout=0.1)
    assert left == set()
    assert children() <= processes


def children():
    """Processes that this one started; none are listed off Linux."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}


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


@pytest.mark.parametrize("energy_j", [-20.0, 0.0, math.nan, math.inf, -math.inf])
def test_a_meter_whose_joules_cannot_be_breaks_the_contract(energy_j):
    with pytest.raises(AssertionError):
        test_a_reading_has_joules_and_a_method_or_a_reason_and_is_never_a_silent_zero(
            (BadMeter(energy_j=energy_j, uncertainty_j=1.0), FakeClock())
        )


@pytest.mark.parametrize("joules", [-20.0, math.nan, math.inf])
def test_a_device_whose_joules_cannot_be_breaks_the_contract(joules):
    with pytest.raises(AssertionError):
        test_a_reading_has_joules_and_a_method_or_a_reason_and_is_never_a_silent_zero(
            (BadMeter(energy_j=20.0, per_device_j={"GPU-0": joules, "GPU-1": 40.0}), FakeClock())
        )


@pytest.mark.parametrize("uncertainty_j", [-1.0, 0.0, math.nan, math.inf])
def test_a_measurement_without_a_real_uncertainty_breaks_the_contract(uncertainty_j):
    with pytest.raises(AssertionError):
        test_a_measurement_has_an_uncertainty_and_an_estimate_has_none(
            (BadMeter(energy_j=20.0, uncertainty_j=uncertainty_j), FakeClock())
        )


@pytest.mark.parametrize("reading", [{"energy_j": None, "reason": None}, {"energy_j": 20.0, "method": None}])
def test_a_reading_without_a_reason_or_a_method_breaks_the_contract(reading):
    with pytest.raises(AssertionError):
        test_a_reading_has_joules_and_a_method_or_a_reason_and_is_never_a_silent_zero(
            (BadMeter(**reading), FakeClock())
        )


def test_every_registered_meter_has_a_probe_that_answers_without_a_gpu():
    for name, entry in METERS.items():
        answer = entry.probe(MeterContext(SystemClock(), no_gpu_reason="no GPU"))
        assert answer is None or isinstance(answer, str), name
    assert set(METERS) <= set(MAKERS), "a registered meter must keep this contract: give it a line in MAKERS"
