"""When requests are due under a rate."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from llenergymeasure.core.backends.server.traffic.schedule import ConstantSchedule, PoissonSchedule

RATE = 4.0
MANY = 5000


def gaps(seed, rate=RATE, number=MANY):
    schedule = PoissonSchedule(rate, seed)
    times = [schedule.offset_s(index) for index in range(number + 1)]
    return [after - before for before, after in zip(times, times[1:])]


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
def test_the_intervals_of_a_poisson_process_are_exponentially_distributed(seed):
    assert stats.kstest(gaps(seed), "expon", args=(0, 1 / RATE)).pvalue > 0.01


def test_the_test_of_fit_finds_another_distribution_and_another_rate():
    equal = [1 / RATE] * MANY
    assert stats.kstest(equal, "expon", args=(0, 1 / RATE)).pvalue < 1e-6
    assert stats.kstest(gaps(1, rate=1.1 * RATE), "expon", args=(0, 1 / RATE)).pvalue < 1e-5


@pytest.mark.parametrize("rate", [0.01, 4.0, 500.0])
def test_the_rate_of_a_poisson_process_is_the_one_that_is_set(rate):
    """The time of `MANY` arrivals has a relative standard deviation of 1 / sqrt(MANY), which is 1.4 %."""
    total_s = sum(gaps(42, rate=rate))
    assert MANY / total_s == pytest.approx(rate, rel=3 / math.sqrt(MANY))


def test_the_intervals_of_a_poisson_process_do_not_depend_on_each_other():
    """The rank correlation of neighbours is 0 within three of its standard deviations."""
    found = gaps(7)
    assert abs(stats.spearmanr(found[:-1], found[1:]).statistic) < 3 / math.sqrt(MANY)


def test_the_same_seed_gives_the_same_schedule():
    one, same, other = (PoissonSchedule(RATE, seed) for seed in (3, 3, 4))
    assert same.offset_s(50) == one.offset_s(50)  # in whatever order they are asked for
    assert [one.offset_s(index) for index in range(60)] == [same.offset_s(index) for index in range(60)]
    assert one.offset_s(50) != other.offset_s(50)


def test_a_seed_gives_the_same_schedule_in_every_release():
    schedule = PoissonSchedule(1.0, 42)
    assert [round(schedule.offset_s(index), 6) for index in range(4)] == [0.0, 1.020060, 1.045389, 1.367013]


def test_a_constant_schedule_is_exact():
    """The intervals are not added up, which would add up their rounding."""
    schedule = ConstantSchedule(3.0)
    assert [schedule.offset_s(index) for index in (0, 1, 3, 3_000_000)] == [0.0, 1 / 3, 1.0, 1_000_000.0]


def test_the_first_request_is_due_at_once():
    assert ConstantSchedule(0.1).offset_s(0) == PoissonSchedule(0.1, 1).offset_s(0) == 0.0
