"""Prefill and decode energy, against powers that are known."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from itertools import accumulate

import pytest

from llenergymeasure.core.collect.phases import fit_prefill_power, overlap_s, split_energy
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.core.sampling.updates import energy_steps
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.domain.measurements import PhaseTimes
from llenergymeasure.records import EnergyStep, RequestRecord

PREFILL_W, DECODE_W, IDLE_W = 400.0, 250.0, 80.0


def request(started_s, prefill_s, decode_s):
    first_s = started_s + prefill_s
    return RequestRecord(0, 8, 2, started_s, first_s + decode_s, first_token_s=first_s)


def times_of(requests):
    prefill_s = sum(one.first_token_s - one.scheduled_s for one in requests)
    decode_s = sum(one.finished_s - one.first_token_s for one in requests)
    window_s = requests[-1].finished_s - requests[0].scheduled_s
    return PhaseTimes(prefill_sec=prefill_s, decode_sec=decode_s, other_sec=window_s - prefill_s - decode_s)


def reading_of(energy_j, uncertainty_j=None):
    return EnergyReading(meter="nvml", method="counter", energy_j=energy_j, uncertainty_j=uncertainty_j)


class Run:
    """Requests one after the other from second 1, and the exact joules until a moment."""

    def __init__(self, phases, ramp_w=0.0, gap_s=0.0, gap_w=150.0, jitter_w=lambda: 0.0):
        self.requests, self._segments, now_s = [], [], 1.0
        for prefill_s, decode_s in phases:
            self.requests.append(request(now_s, prefill_s, decode_s))
            watts = PREFILL_W + jitter_w()
            for seconds, first_w, last_w in (
                (prefill_s, watts, watts),
                (decode_s, DECODE_W - ramp_w / 2, DECODE_W + ramp_w / 2),
                (gap_s, gap_w, gap_w),
            ):
                self._segments.append((now_s, seconds, first_w, last_w))
                now_s += seconds
        self.start_s, self.end_s = 1.0, now_s - gap_s
        self._begin_s = [begin_s for begin_s, *_ in self._segments]
        self._before_j = [0.0, *accumulate(self._spent_j(segment, now_s) for segment in self._segments)]

    def energy_j(self, time_s):
        idle_j = IDLE_W * (min(time_s, self.start_s) + max(time_s - self.end_s, 0.0))
        number = bisect_right(self._begin_s, time_s) - 1
        return idle_j if number < 0 else idle_j + self._before_j[number] + self._spent_j(self._segments[number], time_s)

    @staticmethod
    def _spent_j(segment, time_s):
        begin_s, seconds, first_w, last_w = segment
        spent_s = min(max(time_s - begin_s, 0.0), seconds)
        return spent_s * (first_w + (last_w - first_w) * spent_s / seconds / 2) if seconds else 0.0

    @property
    def window_j(self):
        return self.energy_j(self.end_s) - self.energy_j(self.start_s)

    @property
    def prefill_j(self):
        return sum(self.energy_j(one.first_token_s) - self.energy_j(one.scheduled_s) for one in self.requests)

    def log(self, tick_s=0.1, sample_s=0.05, phase_s=0.03, late=lambda: 0.0):
        """What a sampler sees of a counter that ticks."""
        log, now_s = PowerLog(), self.start_s - 0.5
        while now_s < self.end_s + 0.5:
            tick = math.floor((now_s - phase_s) / tick_s) * tick_s + phase_s
            log.add(now_s, energy_j=self.energy_j(tick))
            now_s += sample_s + late()
        return log

    def split(self, **options):
        steps = energy_steps(self.log(**options), self.start_s, self.end_s)
        return split_energy(self.requests, times_of(self.requests), [steps], reading_of(self.window_j))


def test_two_powers_are_found_from_updates_that_mix_them():
    steps = [EnergyStep(i, i + 1, 400.0 * 0.1 * (i % 5) + 250.0 * (1 - 0.1 * (i % 5))) for i in range(12)]
    prefills = [(i, i + 0.1 * (i % 5)) for i in range(12) if i % 5]
    fit = fit_prefill_power(prefills, steps)
    assert fit.power_w == pytest.approx(400.0)
    assert fit.error_w == pytest.approx(0.0, abs=1e-6)


def test_overlap_counts_only_the_part_inside():
    assert overlap_s([(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)], 0.5, 4.25) == pytest.approx(0.5 + 1.0 + 0.25)


def test_phases_shorter_than_the_sensor_s_period_are_distinguished():
    run = Run([(0.06, 1.03)] * 12)
    split = run.split()
    assert split.prefill_j == pytest.approx(run.prefill_j, rel=0.02)
    assert split.prefill_j + split.decode_j == pytest.approx(run.window_j)


def test_prefill_that_is_always_the_same_part_of_an_update_cannot_be_distinguished():
    split = Run([(0.02, 0.08)] * 60).split(phase_s=0.0)
    assert split.prefill_j is None
    assert "too short to be separated" in split.reason


def test_a_window_of_a_few_updates_is_too_short():
    split = Run([(0.2, 0.3)]).split()
    assert split.prefill_j is None
    assert split.uncertainty_j is None
    assert "raise n" in split.reason


def test_each_phase_has_its_share_of_the_uncertainty_of_the_window():
    """20 updates of 1 s, of which each has 0, 0.1, ... 0.4 s of prefill: 4 s of 400 W and 16 s of 250 W are 5,600 J."""
    steps = [EnergyStep(i, i + 1, 400.0 * 0.1 * (i % 5) + 250.0 * (1 - 0.1 * (i % 5))) for i in range(20)]
    requests = [request(i, 0.1 * (i % 5), 1 - 0.1 * (i % 5)) for i in range(20)]
    split = split_energy(requests, times_of(requests), [steps], reading_of(5600.0, uncertainty_j=280.0))
    assert (split.prefill_j, split.decode_j) == pytest.approx((1600.0, 4000.0))
    assert split.uncertainty_j == pytest.approx(0.0, abs=0.01)
    assert (split.prefill_uncertainty_j, split.decode_uncertainty_j) == pytest.approx((80.0, 200.0))


def test_the_uncertainty_of_the_split_is_combined_with_that_of_the_window():
    rng = random.Random(1)
    run = Run([(0.3, 1.0)] * 20, jitter_w=lambda: rng.gauss(0, 40))
    steps = energy_steps(run.log(), run.start_s, run.end_s)
    split = split_energy(
        run.requests, times_of(run.requests), [steps], reading_of(run.window_j, uncertainty_j=0.05 * run.window_j)
    )
    assert split.uncertainty_j > 1.0
    assert split.prefill_uncertainty_j == pytest.approx(math.hypot(split.uncertainty_j, 0.05 * split.prefill_j))
    assert split.decode_uncertainty_j == pytest.approx(math.hypot(split.uncertainty_j, 0.05 * split.decode_j))


def test_the_phases_of_a_window_of_unknown_uncertainty_have_none():
    split = Run([(0.3, 1.0)] * 12).split()
    assert split.uncertainty_j is not None
    assert (split.prefill_uncertainty_j, split.decode_uncertainty_j) == (None, None)


def test_two_gpus_add_up():
    run = Run([(0.3, 1.0)] * 6)
    steps = energy_steps(run.log(), run.start_s, run.end_s)
    both = split_energy(run.requests, times_of(run.requests), [steps, steps], reading_of(2 * run.window_j))
    assert both.prefill_j == pytest.approx(2 * run.prefill_j, rel=0.01)


@pytest.mark.parametrize(("energy_j", "devices"), [(None, [[]]), (10.0, [])])
def test_without_energy_or_trace_there_is_no_split(energy_j, devices):
    run = Run([(0.3, 1.0)])
    assert split_energy(run.requests, times_of(run.requests), devices, reading_of(energy_j)) is None


@pytest.mark.parametrize(
    ("prefill_s", "decode_s", "count", "tick_s"),
    [((1, 2), (3, 6), 4, 0.1), ((0.1, 0.3), (1, 3), 10, 0.1), ((0.05, 0.1), (0.3, 0.5), 100, 0.1), ((0.3, 0.6), (1, 3), 8, 0.02)],
)  # fmt: skip
def test_the_stated_uncertainty_covers_the_truth(prefill_s, decode_s, count, tick_s):
    rng = random.Random(7)
    covered = reported = 0
    for _ in range(60):
        phases = [(rng.uniform(*prefill_s), rng.uniform(*decode_s)) for _ in range(count)]
        run = Run(phases, ramp_w=30.0, gap_s=0.003, jitter_w=lambda: rng.gauss(0, 20))
        split = run.split(tick_s=tick_s, phase_s=rng.uniform(0, tick_s), late=lambda: rng.uniform(0, 0.005))
        if split.prefill_j is not None:
            reported += 1
            covered += abs(split.prefill_j - run.prefill_j) <= split.uncertainty_j
    assert reported >= 55
    assert covered >= 0.95 * reported
