"""The order of the runs: seeded, the same everywhere, and each cycle for itself."""

from __future__ import annotations

import pytest

from llenergymeasure.study.order import order_of, with_controls

CELLS = ["01", "02", "03", "04"]
GROUPS = {"01": "small", "02": "large", "03": "small", "04": "large"}


def runs(order, cycles=(1, 2, 3), seed=7):
    return list(order_of(order, CELLS, cycles, seed, GROUPS))


def cycle(order, number, **options):
    return [cell for cell, in_cycle, _ in runs(order, **options) if in_cycle == number]


@pytest.mark.parametrize("order", ["shuffled", "interleaved", "sequential", "grouped"])
def test_every_cycle_measures_every_cell_once(order):
    for number in (1, 2, 3):
        assert sorted(cycle(order, number)) == CELLS


@pytest.mark.parametrize("order", ["shuffled", "grouped"])
def test_the_same_seed_gives_the_same_order_and_another_seed_another(order):
    assert runs(order) == runs(order)
    assert runs(order) != runs(order, seed=8)


def test_a_shuffled_order_is_the_same_on_every_machine():
    assert [cycle("shuffled", number) for number in (1, 2)] == [["02", "04", "03", "01"], ["04", "02", "01", "03"]]


def test_shuffled_cycles_differ_and_do_not_depend_on_the_number_of_cycles():
    assert len({tuple(cycle("shuffled", number, cycles=range(1, 21))) for number in range(1, 21)}) > 5
    assert cycle("shuffled", 2, cycles=(2,)) == cycle("shuffled", 2)


def test_an_interleaved_order_repeats_the_order_of_the_cells():
    assert [cycle("interleaved", number) for number in (1, 2)] == [CELLS, CELLS]


def test_a_sequential_order_has_all_cycles_of_a_cell_together():
    assert [(cell, number) for cell, number, _ in runs("sequential", cycles=(1, 2))][:4] == [
        ("01", 1), ("01", 2), ("02", 1), ("02", 2),
    ]  # fmt: skip


def test_in_a_grouped_order_cells_that_load_the_same_model_are_adjacent_and_groups_are_shuffled():
    orders = [[GROUPS[cell] for cell in cycle("grouped", number, cycles=range(1, 21))] for number in range(1, 21)]
    assert {tuple(order) for order in orders} == {
        ("small", "small", "large", "large"), ("large", "large", "small", "small"),
    }  # fmt: skip


def test_control_runs_of_the_reference_are_first_and_last_in_each_cycle():
    found = list(with_controls([("02", 1, "cell"), ("01", 1, "cell"), ("01", 2, "cell")], "01"))
    assert found == [
        ("01", 1, "control_first"), ("02", 1, "cell"), ("01", 1, "cell"), ("01", 1, "control_last"),
        ("01", 2, "control_first"), ("01", 2, "cell"), ("01", 2, "control_last"),
    ]  # fmt: skip
