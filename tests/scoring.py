"""Windows of our NVML meter on simulated GPUs, compared with the true energy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from llenergymeasure.core.energy.nvml import NvmlMeter
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.domain.energy import EnergyReading
from nvmlsim import Constant, Pulses, Ramp, Sensor, SimGpu, Simulation, sim_gpu
from nvmlsim.waves import IDLE_W, WAVES

# Sensors to choose from: what the meter has to do with.
SENSORS: dict[str, Callable[[], SimGpu]] = {
    "counter": lambda: sim_gpu("hopper"),
    "1 s average": lambda: sim_gpu("ampere", counter=None),
    "1 s average, partial": lambda: sim_gpu("hopper", counter=None),
    "instant": lambda: sim_gpu("turing", counter=None),
    "instant, partial": lambda: sim_gpu("a100", counter=None),
}
CALL_COST_S = 50e-6
# An idle GPU is never quite still.
RIPPLE_W = 3.0


@dataclass(frozen=True)
class Score:
    """One window: the reading and the truth, in joules."""

    reading: EnergyReading
    truth_j: float

    @property
    def error(self) -> float:
        """Relative."""
        assert self.reading.energy_j is not None, self.reading.reason
        return self.reading.energy_j / self.truth_j - 1

    @property
    def stated(self) -> float:
        """The stated uncertainty without its gain part, relative to the truth."""
        return math.hypot(*(j for name, j in self.reading.uncertainty_parts_j.items() if name != "gain")) / self.truth_j

    @property
    def covered(self) -> bool:
        """Whether the stated uncertainty, gain left out, holds the truth."""
        return abs(self.error) <= self.stated


def working(gpu: SimGpu, wave: str, seconds: float, random: Random, tail: bool = False) -> SimGpu:
    """The GPU with a waveform to draw, and sensors that update at some moment of their period.

    Args:
        gpu: the GPU.
        wave: name of the waveform.
        seconds: length of the window.
        random: decides what is left open.
        tail: whether power falls slowly after the load, instead of at once.
    """
    lingers_w, lingers_s = 50 * random.random(), 0.3 + random.random()
    ripple = Pulses(RIPPLE_W, 0.25 + 0.35 * random.random(), share=0.3, start_s=random.random())

    def shifted(sensor: Sensor | None) -> Sensor | None:
        return sensor and replace(sensor, phase_s=sensor.period_s * random.random())

    return replace(
        gpu,
        idle=[Constant(IDLE_W), ripple],
        load=WAVES[wave](random, seconds),
        rest=[Constant(lingers_w), Ramp(-lingers_w, 0.0, lingers_s)] if tail else (),
        counter=shifted(gpu.counter),
        instant=shifted(gpu.instant),
        average=shifted(gpu.average),
    )


def settle(sim: Simulation, random: Random) -> None:
    """Idle for a while, of which the last second is whole, so that the window begins at a random phase."""
    sim.clock.jitter = random
    sim.clock.sleep(1.5 + random.random())


def work(sim: Simulation, seconds: float) -> tuple[float, float]:
    """Draw the load for a duration. Returns the edges."""
    start_s = sim.clock.now()
    sim.switch(1.0)
    sim.clock.sleep(seconds)
    end_s = sim.clock.now()
    sim.switch(0.0)
    return start_s, end_s


def score(sim: Simulation, seconds: float, random: Random) -> Score:
    """One window of our meter on simulated GPUs that this process sees."""
    door = GpuDoor()
    try:
        sampler = GpuSampler(door, door.gpus, sim.clock)
        sim.clock.sampler = sampler
        settle(sim, random)
        window = NvmlMeter(door, door.gpus, sampler, sim.clock).open_window()
        start_s, end_s = work(sim, seconds)
        return Score(window.close(start_s, end_s), sim.truth_j(start_s, end_s))
    finally:
        sim.clock.sampler = None
        door.close()


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(math.ceil(share * len(ordered)), len(ordered)) - 1]
