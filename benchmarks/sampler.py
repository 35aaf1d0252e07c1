"""The CPU time of the sampler's thread on simulated GPUs, in real time, with a period of 50 ms."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.pairs import Row
from benchmarks.simulated import Simulate, simulated_gpus
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.sampling.sampler import GpuSampler
from nvmlsim import Pulses, sim_gpu

SECONDS = 10.0
# Percent of one core.
TARGETS = {1: 1.0, 8: 3.0}


def rows() -> Iterator[Row]:
    with simulated_gpus() as simulate:
        for gpus, target in TARGETS.items():
            shares = sorted(share(simulate, gpus, SECONDS / 5) for _ in range(5))
            kept = shares[2] < target
            yield Row(f"sampler's CPU, GPUs: {gpus}", shares[2], shares[0], shares[-1], "%", f"< {target:g}", kept)


def share(simulate: Simulate, gpus: int, seconds: float) -> float:
    """CPU time of the sampler's thread in percent of the elapsed time."""
    busy = [Pulses(200.0, 0.37)]
    with simulate(*(sim_gpu(number=number, idle=busy) for number in range(gpus)), real=True).here():
        door = GpuDoor()
        sampler = GpuSampler(door, door.gpus, SystemClock())
        start_s = time.perf_counter()
        sampler.start()
        time.sleep(seconds)
        sampler.stop()
        door.close()
        return 100 * sampler.cpu_seconds() / (time.perf_counter() - start_s)
