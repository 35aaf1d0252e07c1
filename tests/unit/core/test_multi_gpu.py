"""Several GPUs: spread over by a device map, or one for each of several processes."""

from __future__ import annotations

import pytest

from a_result import a_result
from fakes import FakeHost, FakePrompts, a_snapshot
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.latency import LatencyCollector, MemoryCollector, PhaseCollector, TokenCollector
from llenergymeasure.core.devices import open_devices
from llenergymeasure.core.energy.nvml import NvmlMeter
from llenergymeasure.core.flops.collectors import PalmFlopsCollector
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.results.ranks.combine import aggregate
from llenergymeasure.results.ranks.files import ProcessFacts, ProcessResult
from llenergymeasure.testing import FakeClock, FakeLoader, FakeMeter, metering
from nvmlsim import Constant, sim_gpu

TWO = ("cuda:0", "cuda:1")


class OnGpus(FakeLoader):
    """Says that the model is spread over GPUs."""

    def __init__(self, clock, devices):
        super().__init__(clock)
        self._devices = devices

    def load(self, config):
        engine = super().load(config)
        engine.info = engine.info.model_copy(update={"device": "cuda", "devices": self._devices})
        return engine


class ManyMeter(FakeMeter):
    """A meter over several GPUs of 100 W each."""

    def __init__(self, count):
        super().__init__(100.0 * count)
        self.devices = tuple(f"GPU-{number}" for number in range(count))

    def open_window(self):
        window, count = super().open_window(), len(self.devices)

        class Shared:
            abandon = staticmethod(window.abandon)

            @staticmethod
            def close(start_s, end_s):
                reading = window.close(start_s, end_s)
                shares = dict.fromkeys(self.devices, reading.energy_j / count)
                return reading.model_copy(update={"per_device_j": shares})

        return Shared()


def measured(used, gpus):
    clock = FakeClock()
    parts = Instruments(
        metering=metering(ManyMeter(gpus)),
        prompts=FakePrompts(2),
        snapshot=lambda engine: a_snapshot(),
        collectors=(
            TokenCollector(), LatencyCollector(), PhaseCollector(), MemoryCollector(), FakeHost(), PalmFlopsCollector(),
        ),
        clock=clock,
    )  # fmt: skip
    config = ExperimentConfig(model="m", n=2, max_output_tokens=11, pytorch={"device_map": "auto"})
    with open_experiment(config, OnGpus(clock, used), parts) as experiment:
        return experiment.measure()


def test_a_model_over_two_gpus_has_the_energy_and_idle_power_of_both():
    result = measured(TWO, gpus=2)
    assert result.multi_gpu.strategy == "device_map"
    assert result.multi_gpu.devices == ("GPU-0", "GPU-1")
    assert result.multi_gpu.energy_per_device_j == {"GPU-0": pytest.approx(40.0), "GPU-1": pytest.approx(40.0)}
    assert result.energy_total_j == pytest.approx(80.0)
    assert result.baseline_power_w == pytest.approx(200.0)


def test_one_gpu_is_not_several():
    assert measured(("cuda:0",), gpus=1).multi_gpu is None


def test_gpus_that_are_metered_and_hold_nothing_are_reported():
    result = measured(TWO, gpus=4)
    assert result.multi_gpu.devices == TWO
    (warning,) = [one for one in result.measurement_warnings if one.startswith("idle_gpus_metered")]
    assert "on 2 GPUs, but energy and idle power are those of all 4" in warning


@pytest.mark.torch
def test_every_gpu_with_a_part_of_the_model_is_synchronised_and_its_memory_counted(monkeypatch):
    torch = pytest.importorskip("torch")
    from llenergymeasure.core.backends.pytorch.generation.engine import TransformersEngine

    called = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: called.append(("idle", device)))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: called.append(("reset", device)))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 2e6)

    class Tokens:
        pad_id = 0

    info = ModelInfo(name="m", device="cuda", devices=("cpu", *TWO))
    engine = TransformersEngine(None, Tokens(), info, {}, ExperimentConfig(model="m"), FakeClock(), lambda: None)
    engine.synchronise()
    engine.reset_peak_memory()
    assert called == [("idle", "cuda:0"), ("idle", "cuda:1"), ("reset", "cuda:0"), ("reset", "cuda:1")]
    assert engine.peak_memory_mb() == (4.0, "cuda_allocated")


class Both:
    """Two samplers beside each other on one clock."""

    def __init__(self, *samplers):
        self._samplers = samplers
        self.interval_s = samplers[0].interval_s

    def sample(self):
        for sampler in self._samplers:
            sampler.sample()


@pytest.fixture
def two_gpus(simulate):
    """300 W and 500 W under load."""
    gpus = [sim_gpu("hopper", number=number, load=[Constant(240.0 + 200.0 * number)]) for number in range(2)]
    return simulate(*gpus)


def read_window(sim, contexts, seconds=5.0):
    """One window of a meter per context, all of them at the same time."""
    sim.clock.sampler = Both(*(context.sampler for context in contexts))
    meters = [NvmlMeter(context.door, context.gpus, context.sampler, sim.clock) for context in contexts]
    sim.clock.sleep(3.0)
    windows = [meter.open_window() for meter in meters]
    start_s = sim.clock.now()
    sim.switch(1.0)
    sim.clock.sleep(seconds)
    sim.switch(0.0)
    end_s = sim.clock.now()
    return [window.close(start_s, end_s) for window in windows], (start_s, end_s)


def test_joules_per_device_are_the_true_ones_and_the_total_is_their_sum(two_gpus):
    with open_devices(two_gpus.clock, {}) as context:
        (reading,), (start_s, end_s) = read_window(two_gpus, [context])
    for number, gpu in enumerate(context.gpus):
        truth_j = two_gpus.truth_j(start_s, end_s, gpu=number)
        assert abs(reading.per_device_j[gpu.uuid] - truth_j) < reading.uncertainty_j / 2
    assert reading.energy_j == pytest.approx(sum(reading.per_device_j.values()))


def as_process(rank, reading: EnergyReading):
    facts = ProcessFacts(rank, 2, "run", "here", 1000.0, 1005.0)
    return ProcessResult(facts, a_result().model_copy(update={"energy": reading}))


def test_two_processes_on_a_gpu_each_sum_up_to_what_both_drew(two_gpus):
    clock = two_gpus.clock
    with open_devices(clock, {}, 1, first=0) as mine, open_devices(clock, {}, 1, first=1) as other:
        readings, (start_s, end_s) = read_window(two_gpus, [mine, other])
    whole = aggregate([as_process(rank, reading) for rank, reading in enumerate(readings)])
    truth_j = two_gpus.truth_j(start_s, end_s)
    assert len(whole.energy_per_device_j) == 2
    assert abs(whole.energy_total_j - truth_j) < whole.energy_uncertainty_j
    assert whole.energy_uncertainty_j < 0.2 * truth_j


def test_two_processes_on_one_gpu_do_not_count_it_twice(two_gpus):
    clock = two_gpus.clock
    with open_devices(clock, {}, 1) as mine, open_devices(clock, {}, 1) as other:
        readings, (start_s, end_s) = read_window(two_gpus, [mine, other])
    whole = aggregate([as_process(rank, reading) for rank, reading in enumerate(readings)])
    assert whole.energy_total_j == pytest.approx(two_gpus.truth_j(start_s, end_s, gpu=0), rel=0.1)
    assert any(one.startswith("device_counted_once") for one in whole.measurement_warnings)
