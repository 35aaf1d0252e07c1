"""Controls distinguish a shift of the machine from a change of the code."""

from __future__ import annotations

import math
import random

import pytest

from llenergymeasure.domain.metrics import GATED
from llenergymeasure.stats.values import UnusableValue
from pytest_llem.verdict.control import explaining_shift, machine_shift

METRIC = "energy_per_output_token"


def test_a_steady_load_that_costs_three_percent_more_is_a_machine_that_moved():
    shift = machine_shift(METRIC, [[100.0] * 3], [103.0] * 3)
    assert shift.ratio == pytest.approx(1.03)
    assert str(shift) == "machine shifted: energy_per_output_token of the control +3% (+3% to +3%)"


def test_either_way_counts():
    for metric in (METRIC, "tokens_per_second"):
        assert machine_shift(metric, [[100.0] * 3], [97.0] * 3).ratio == pytest.approx(0.97)


def test_less_than_the_floor_is_no_shift():
    assert machine_shift(METRIC, [[100.0] * 3], [101.9] * 3) is None
    assert machine_shift(METRIC, [[100.0] * 3], [101.9] * 3, noise_floor=0.01).ratio == pytest.approx(1.019)


def test_more_than_the_floor_within_the_scatter_of_repeats_is_no_shift():
    assert machine_shift(METRIC, [[100.0, 110.0, 90.0]], [103.0, 113.0, 93.0]) is None


def test_too_few_repeats_show_no_shift():
    assert machine_shift(METRIC, [[100.0] * 3], [130.0] * 2) is None


def test_a_control_without_numbers_is_an_error():
    with pytest.raises(UnusableValue, match="0"):
        machine_shift(METRIC, [[100.0] * 3], [0.0] * 3)


def test_without_a_shift_nothing_is_excused():
    shift = machine_shift(METRIC, [[100.0] * 3], [103.0] * 3)
    assert explaining_shift(GATED[METRIC], [shift]) == shift
    assert explaining_shift(GATED[METRIC], []) is None


@pytest.mark.parametrize(
    ("moved", "excused"),
    [
        ("energy_per_output_token", {"energy_per_output_token", "energy_total_j"}),
        ("peak_memory_mb", {"peak_memory_mb"}),
        ("duration_sec", {"tokens_per_second", "duration_sec", "cpu_seconds", "ttft_p50_ms", "itl_p95_ms"}),
    ],
)
def test_a_shift_excuses_metrics_of_its_own_kind_and_never_counted_ones(moved, excused):
    shift = machine_shift(moved, [[100.0] * 3], [103.0] * 3)
    found = {name for name, metric in GATED.items() if explaining_shift(metric, [shift])}
    assert found >= excused
    assert not found & {"output_tokens", "flops_total", "flops_exact"}
    kinds = [{"energy_total_j"}, {"peak_memory_mb"}, {"duration_sec"}]
    assert sum(bool(found & kind) for kind in kinds) == 1


def test_unchanged_machines_seldom_seem_to_have_moved_and_moved_ones_do():
    chance = random.Random(1)

    def session(change=0.0):
        return [100 * math.exp(change + chance.gauss(0, 0.01)) for _ in range(5)]

    assert sum(machine_shift(METRIC, [session()], session()) is not None for _ in range(200)) <= 4
    assert sum(machine_shift(METRIC, [session()], session(0.05)) is not None for _ in range(200)) >= 198
