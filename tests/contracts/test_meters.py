"""The contract of every meter, real or fake."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from fake_gpu import FakeDoor, FakeGpu, SamplingClock, a_gpu
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
from llenergymeasure.testing import FakeClock, FakeMeter, MeterContract
from nvmlsim import sim_gpu
from powercapsim import RaplBench, package, part
from waiting import tried


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
    assert list(tmp_path.iterdir()) == []


class TestMeters(MeterContract):
    """Each of them."""

    def test_power_does_not_depend_on_the_length_of_the_window(self, bench):
        """A stall of the machine at the edge of a window spoils one try of a meter in real time."""

        def broken():
            try:
                super(TestMeters, self).test_power_does_not_depend_on_the_length_of_the_window(bench)
            except AssertionError as error:
                return str(error)
            return ""

        tried(broken, lambda said: said == "")


def test_every_registered_meter_has_a_probe_that_answers_without_a_gpu():
    for name, entry in METERS.items():
        answer = entry.probe(MeterContext(SystemClock(), no_gpu_reason="no GPU"))
        assert answer is None or isinstance(answer, str), name
    assert set(METERS) <= set(MAKERS), "a registered meter must keep this contract: give it a line in MAKERS"
