"""The time series adds up to the reading of the meter, on simulated GPUs."""

from __future__ import annotations

from random import Random

import pytest

from llenergymeasure.core.energy.nvml import NvmlMeter
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.sampling.sampler import GpuSampler
from nvmlsim import Box, Constant, Pulses, sim_gpu
from scoring import CALL_COST_S, SENSORS, settle, work, working


@pytest.fixture
def watched(simulate):
    """Makes simulated GPUs with a sampler and the NVML meter over them."""
    doors = []

    def make(*gpus, random=None, **options):
        sim = simulate(*gpus, call_cost_s=CALL_COST_S, **options)
        door = GpuDoor()
        doors.append(door)
        sim.clock.sampler = GpuSampler(door, door.gpus, sim.clock)
        settle(sim, random or Random(1))
        return sim, sim.clock.sampler, NvmlMeter(door, door.gpus, sim.clock.sampler, sim.clock)

    yield make
    for door in doors:
        door.close()


@pytest.mark.parametrize("kind", ["counter", "1 s average", "1 s average, partial", "instant"])
@pytest.mark.parametrize("seconds", [0.3, 2.5, 10.0])
def test_rows_add_up_to_the_meter_s_joules_within_its_uncertainty(watched, kind, seconds):
    random = Random(f"{kind}{seconds}")
    sim, sampler, meter = watched(working(SENSORS[kind](), "LLM", seconds, random), random=random)
    window = meter.open_window()
    start_s, end_s = work(sim, seconds)
    reading = window.close(start_s, end_s)
    series = sampler.trace(start_s, end_s).timeseries
    total_j = sum(series.energy_j)
    assert total_j == pytest.approx(reading.energy_j, abs=reading.uncertainty_j)
    assert total_j == pytest.approx(sim.truth_j(start_s, end_s), rel=0.02)
    widths_s = [b - a for a, b in zip(series.timestamp_s, [*series.timestamp_s[1:], end_s - start_s])]
    assert sum(w * s for w, s in zip(series.power_w, widths_s)) == pytest.approx(total_j)


def test_each_row_has_the_joules_of_its_second(watched):
    sim, sampler, meter = watched(sim_gpu(load=[Constant(100.0), Box(200.0, 1.0, 2.0), Pulses(50.0, 0.2)]))
    window = meter.open_window()
    start_s, end_s = work(sim, 4.0)
    window.close(start_s, end_s)
    series = sampler.trace(start_s, end_s).timeseries
    assert series.timestamp_s == (0.0, 1.0, 2.0, 3.0)
    for from_s, joules in zip(series.timestamp_s, series.energy_j):
        assert joules == pytest.approx(sim.truth_j(start_s + from_s, start_s + from_s + 1), rel=0.06)


def test_a_trace_waits_until_the_sensor_shows_the_end(watched):
    """As after a meter that does not wait itself."""
    sim, sampler, _ = watched(sim_gpu(idle=[Constant(100.0)], load=[Constant(200.0)]))
    start_s, end_s = work(sim, 2.2)
    series = sampler.trace(start_s, end_s).timeseries
    assert None not in series.energy_j
    assert sum(series.energy_j) == pytest.approx(660.0, rel=0.02)


def test_two_gpus_keep_their_own_rows(watched):
    sim, sampler, meter = watched(sim_gpu(number=0), sim_gpu(number=1))
    window = meter.open_window()
    start_s = sim.clock.now()
    sim.switch(1.0, gpu=1)
    sim.clock.sleep(2.0)
    end_s = sim.clock.now()
    sim.switch(0.0, gpu=1)
    reading = window.close(start_s, end_s)
    series = sampler.trace(start_s, end_s).timeseries
    for index, gpu in enumerate(sim.gpus):
        own = [joules for number, joules in zip(series.gpu_index, series.energy_j) if number == index]
        assert sum(own) == pytest.approx(reading.per_device_j[gpu.uuid], rel=0.02)
        assert sum(own) == pytest.approx(sim.truth_j(start_s, end_s, gpu=index), rel=0.02)
