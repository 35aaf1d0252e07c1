"""The NVML meter on simulated GPUs, through the real pynvml, compared with the true energy."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import median

import pytest

from llenergymeasure.core.energy.nvml import NvmlMeter
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.quality.warnings import crosscheck_gap
from llenergymeasure.core.sampling.sampler import GpuSampler
from nvmlsim import PARTIAL_COUNTER, Constant, Pulses, sim_gpu
from nvmlsim.waves import WAVES
from scoring import CALL_COST_S, SENSORS, Score, percentile, score, settle, work, working

SECONDS = (0.1, 0.3, 1.0, 3.0, 10.0)
# Largest relative error of a window, by its length.
LIMITS = {
    "counter": {0.3: 0.01, 1.0: 0.01, 3.0: 0.003, 10.0: 0.003},
    "1 s average": {1.0: 0.05, 3.0: 0.05, 10.0: 0.01},
    "1 s average, partial": {1.0: 0.05, 3.0: 0.05, 10.0: 0.01},
    "instant": {1.0: 0.05, 3.0: 0.05, 10.0: 0.01},
}


@pytest.fixture
def scores(simulate):
    """Scores windows of a length on every waveform, with some kind of sensors."""

    def many(kind, seconds, repeats=2, tail=False):
        found = []
        for wave in WAVES:
            for number in range(repeats):
                random = Random(f"{kind}, {wave}, {seconds}, {number}")
                gpu = working(SENSORS[kind](), wave, seconds, random, tail)
                found.append(score(simulate(gpu, call_cost_s=CALL_COST_S), seconds, random))
        return found

    return many


@pytest.mark.parametrize("kind", LIMITS)
def test_the_error_keeps_its_limit_and_the_stated_uncertainty_covers_it(scores, kind):
    covered = []
    for seconds in SECONDS:
        found = scores(kind, seconds)
        errors = [abs(one.error) for one in found]
        assert max(errors) <= LIMITS[kind].get(seconds, 0.05), seconds
        assert median(one.stated for one in found) <= 3 * percentile(errors, 0.95), seconds
        covered += [one.covered for one in found]
    assert sum(covered) / len(covered) >= 0.95


@pytest.mark.parametrize("kind", ["counter", "1 s average, partial"])
def test_power_that_falls_slowly_after_the_work_is_covered(scores, kind):
    found = scores(kind, 0.3) + scores(kind, 3.0)
    assert sum(one.covered for one in found) / len(found) >= 0.95


def test_work_that_ended_more_than_a_second_before_the_window_does_not_widen_its_uncertainty(simulate):
    """Repeats follow each other: the steps of the 1 s average would show the work before, instant power does not."""
    random = Random(5)
    sim = simulate(working(SENSORS["1 s average, partial"](), "constant 300 W", 1.0, random), call_cost_s=CALL_COST_S)
    door = GpuDoor()
    sampler = sim.clock.sampler = GpuSampler(door, door.gpus, sim.clock)
    meter = NvmlMeter(door, door.gpus, sampler, sim.clock)
    settle(sim, random)
    scores = []
    for _ in range(3):
        window = meter.open_window()
        start_s, end_s = work(sim, 1.0)
        scores.append(Score(window.close(start_s, end_s), sim.truth_j(start_s, end_s)))
        sim.clock.sleep(0.8)
    door.close()
    assert all(one.covered for one in scores)
    assert max(one.stated for one in scores) < 0.02


def test_counter_and_power_sensors_agree_where_both_are_true(scores):
    for one in scores("counter", 3.0, repeats=1):
        gap_j, allowed_j = crosscheck_gap(one.reading)
        assert gap_j < 0.1 * allowed_j


@pytest.mark.parametrize("seconds", [1.0, 10.0])
def test_a_counter_that_measures_a_quarter_of_the_time_is_reported_by_the_cross_check(simulate, seconds):
    in_step = [Constant(40.0), Pulses(300.0, 0.100)]
    random = Random(3)
    gpu = replace(working(sim_gpu("hopper", counter=PARTIAL_COUNTER), "constant 300 W", seconds, random), load=in_step)
    found = score(simulate(gpu), seconds, random)
    gap_j, allowed_j = crosscheck_gap(found.reading)
    assert found.reading.method == "counter"
    assert abs(found.error) > 0.15
    assert gap_j > allowed_j
    assert found.reading.crosscheck_j == pytest.approx(found.truth_j, rel=0.01)


@pytest.mark.parametrize("seconds", [0.3, 10.0])
def test_a_sensor_faster_than_the_sampler_is_uncertain_by_the_missed_updates(simulate, seconds):
    found = []
    for wave in WAVES:
        random = Random(f"{wave}, {seconds}")
        gpu = working(sim_gpu("volta", counter=None), wave, seconds, random)
        found.append(score(simulate(gpu, call_cost_s=CALL_COST_S), seconds, random))
    assert all("aliasing" in one.reading.uncertainty_parts_j for one in found)
    assert sum(one.covered for one in found) >= len(found) - 1  # a load in step with the samples cannot be seen


def test_where_both_sensors_measure_a_quarter_of_the_time_the_check_is_too_uncertain_to_disagree(simulate):
    """No warning about a counter that is right: the uncertainty of the check includes what is not known."""
    random = Random(4)
    found = score(simulate(working(sim_gpu("a100"), "square 150 ms", 3.0, random)), 3.0, random)
    gap_j, allowed_j = crosscheck_gap(found.reading)
    assert abs(found.error) < 0.003
    assert gap_j < allowed_j
    assert found.reading.crosscheck_uncertainty_j > 0.1 * found.truth_j


class Stopping:
    """The clock of a simulation; the system stops the process once, in a pause that is armed."""

    def __init__(self, clock):
        self._clock, self.pauses, self.for_s = clock, 0, 0.0

    def __getattr__(self, name):
        return getattr(self._clock, name)

    def sleep(self, seconds):
        self.pauses -= 1
        self._clock.sleep(self.for_s if self.pauses == 0 else seconds)


@pytest.mark.parametrize("for_s", [0.05, 0.3, 0.6, 2.0])
@pytest.mark.parametrize("pause", [1, 5, 25, 60])
@pytest.mark.parametrize("edge", ["open", "close"])
def test_a_process_that_is_stopped_while_it_waits_for_ticks_measures_the_same(simulate, edge, pause, for_s):
    random = Random(f"{edge}, {pause}, {for_s}")
    sim = simulate(working(SENSORS["counter"](), "constant 300 W", 3.0, random), call_cost_s=CALL_COST_S)
    door, clock = GpuDoor(), Stopping(sim.clock)
    sampler = sim.clock.sampler = GpuSampler(door, door.gpus, clock)
    meter = NvmlMeter(door, door.gpus, sampler, clock)
    settle(sim, random)
    clock.for_s, clock.pauses = for_s, pause if edge == "open" else 0
    window = meter.open_window()
    start_s, end_s = work(sim, 3.0)
    clock.pauses = pause if edge == "close" else 0
    one = Score(window.close(start_s, end_s), sim.truth_j(start_s, end_s))
    door.close()
    assert one.reading.method == "counter"
    assert abs(one.error) < 0.005
    assert one.covered
