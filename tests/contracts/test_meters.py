"""What every meter keeps, real or fake."""

from __future__ import annotations

import threading
import time

import pytest

from fake_gpu import FakeDoor, FakeGpu, SamplingClock, a_gpu
from fakes import FakeMeter
from llenergymeasure.core.clock import SystemClock
from llenergymeasure.core.energy import probes
from llenergymeasure.core.energy.context import MeterContext
from llenergymeasure.core.energy.null import NoMeter, NullMeter
from llenergymeasure.core.energy.nvml import NvmlMeter
from llenergymeasure.core.energy.select import REGISTRY
from llenergymeasure.core.sampler import GpuSampler
from llenergymeasure.protocols import EnergyBackend


def simulated_nvml():
    clock = SamplingClock()
    gpus = [a_gpu(0), a_gpu(1)]
    door = FakeDoor(clock, [FakeGpu(), FakeGpu(tick_phase_s=0.04)])
    clock.sampler = GpuSampler(door, gpus, clock)
    clock.sleep(3.0)
    return NvmlMeter(door, gpus, clock.sampler, clock), clock


def real(name):
    context = MeterContext(SystemClock())
    why_not = REGISTRY[name].probe(context)
    if why_not:
        pytest.skip(f"{name}: {why_not}")
    return REGISTRY[name].create(context), SystemClock()


MAKERS = {
    "fake": lambda: (FakeMeter(), SystemClock()),
    "null": lambda: (NullMeter(), SystemClock()),
    "none": lambda: (NoMeter("nothing here"), SystemClock()),
    "simulated nvml": simulated_nvml,
    "nvml": lambda: real("nvml"),
    "zeus": lambda: real("zeus"),
    "codecarbon": lambda: real("codecarbon"),
}


@pytest.fixture(params=MAKERS)
def bench(request, tmp_path, monkeypatch):
    """A meter and its clock, in an empty directory with an empty HOME."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    meter, clock = MAKERS[request.param]()
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
        assert reading.energy_j != 0
        assert reading.method in ("counter", "sampled", "estimated")


def test_devices_sum_to_the_total(bench):
    reading = reading_of(*bench)
    if reading.per_device_j is not None:
        assert sum(reading.per_device_j.values()) == pytest.approx(reading.energy_j)


def test_a_measurement_has_an_uncertainty_and_an_estimate_has_none(bench):
    reading = reading_of(*bench)
    if reading.method in ("counter", "sampled"):
        assert reading.uncertainty_j > 0
    if reading.method == "estimated":
        assert reading.uncertainty_j is None


def test_windows_follow_and_nest(bench):
    meter, clock = bench
    outer = meter.open_window()
    start_s = clock.now()
    inner = reading_of(meter, clock)
    reading = outer.close(start_s, clock.now())
    assert (reading.energy_j is None) == (inner.energy_j is None)
    if reading.method == "counter":
        assert reading.energy_j > inner.energy_j


def test_an_abandoned_window_leaves_no_thread(bench):
    meter, _ = bench
    before = threading.active_count()
    window = meter.open_window()
    window.abandon()
    window.abandon()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_every_registered_meter_has_a_probe_that_answers_without_a_gpu():
    for name, entry in REGISTRY.items():
        answer = entry.probe(MeterContext(SystemClock(), no_gpu_reason="no GPU"))
        assert answer is None or isinstance(answer, str), name
    assert set(REGISTRY) == {name for name in vars(probes) if name in ("zeus", "nvml", "codecarbon")}
