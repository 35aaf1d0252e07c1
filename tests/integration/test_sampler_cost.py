"""The cost of sampling, in real time."""

from __future__ import annotations

import time

import pytest

from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.sampling.sampler import GpuSampler
from nvmlsim import Pulses, sim_gpu


@pytest.mark.slow
def test_eight_gpus_at_50_ms_take_a_small_part_of_one_core(simulate):
    simulate(*(sim_gpu(number=number, idle=[Pulses(200.0, 0.37)]) for number in range(8)), real=True)
    door = GpuDoor()
    sampler = GpuSampler(door, door.gpus, SystemClock())
    start_s = time.perf_counter()
    sampler.start()
    time.sleep(2.5)
    sampler.stop()
    spent_s = time.perf_counter() - start_s
    door.close()
    assert len(sampler.power[door.gpus[7].uuid]) > 20  # a busy machine may wake it late
    assert 0 < sampler.cpu_seconds() < 0.1 * spent_s  # 1.2 % on a quiet machine
