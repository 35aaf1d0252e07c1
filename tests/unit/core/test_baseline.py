"""Idle power: measured, kept, and with a warning when the devices were not idle."""

from __future__ import annotations

import pytest

from fake_gpu import FakeDoor, FakeGpu, SamplingClock, a_gpu
from llenergymeasure.config.sections import BaselineConfig
from llenergymeasure.core.baseline import BaselineCache, baseline_of, not_idle
from llenergymeasure.core.sampling.gpu_processes import GpuProcesses
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.testing import FakeClock, FakeMeter


def idle_trace(*models, pids=(), seconds=10.0):
    clock = SamplingClock()

    class Door(FakeDoor):
        def processes(self, gpu):
            return pids

    gpus = [a_gpu(index) for index in range(len(models))]
    clock.sampler = GpuSampler(Door(clock, models), gpus, clock, gpu_processes=GpuProcesses(own={1}, same_numbers=True))
    clock.sleep(1.0 + seconds)
    return clock.sampler.trace(11.0, 11.0 + seconds)


def test_a_quiet_gpu_gives_no_warning():
    assert list(not_idle(idle_trace(FakeGpu()))) == []
    assert list(not_idle(None)) == []


def test_power_that_still_falls_has_not_settled():
    (problem,) = not_idle(idle_trace(FakeGpu(), FakeGpu(steps=[(-1e9, 120.0), (17.0, 60.0)])))
    assert "GPU 1 had not settled: 120 W in the first half" in problem
    assert "in the second" in problem


def test_a_foreign_process_on_an_idle_gpu_is_named():
    (problem,) = not_idle(idle_trace(FakeGpu(), pids=(1, 4711)))
    assert "GPU 0 pid 4711" in problem


def test_problems_of_the_idle_time_stay_with_the_cached_baseline():
    clock, cache = FakeClock(), BaselineCache()
    trace = idle_trace(FakeGpu(), pids=(4711,))
    found = [
        baseline_of(BaselineConfig(duration_seconds=2), FakeMeter(), clock, clock.sleep, cache, "m", lambda *_: trace)
        for _ in range(2)
    ]
    assert [one.provenance for one in found] == ["fresh", "cached"]
    assert all("4711" in one.problems[0] for one in found)


@pytest.mark.parametrize("seconds", [1.0])
def test_a_baseline_of_one_second_has_no_halves_to_compare(seconds):
    assert list(not_idle(idle_trace(FakeGpu(steps=[(-1e9, 100.0), (11.5, 300.0)]), seconds=seconds))) == []
