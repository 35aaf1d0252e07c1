"""The cost of sampling, in real time."""

from __future__ import annotations

import time

import pytest

from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.sampling.sampler import GpuSampler
from nvmlsim import Pulses, sim_gpu
from waiting import tried


@pytest.mark.slow
def test_eight_gpus_at_50_ms_take_a_small_part_of_one_core(simulate):
    simulate(*(sim_gpu(number=number, idle=[Pulses(200.0, 0.37)]) for number in range(8)), real=True)

    def is_cheap(found):
        samples, cpu_s, spent_s = found
        return samples > 20 and 0 < cpu_s < 0.1 * spent_s  # 1.2 % on a quiet machine

    tried(cost, is_cheap)


def cost():
    """How many samples of the last GPU there are, their CPU time, and how long they were taken, in s."""
    door = GpuDoor()
    sampler = GpuSampler(door, door.gpus, SystemClock())
    start_s = time.perf_counter()
    sampler.start()
    time.sleep(2.5)
    sampler.stop()
    spent_s = time.perf_counter() - start_s
    door.close()
    return len(sampler.power[door.gpus[7].uuid]), sampler.cpu_seconds(), spent_s
