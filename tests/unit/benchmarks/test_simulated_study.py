"""Simulated studies have the order and the effects that they are asked for."""

from __future__ import annotations

import math
import random

import pytest
from benchmarks.simulated_study import ENERGY, Machine, Simulation, grid
from benchmarks.study_power import DESIGN, TRUE_RATIOS, covered, several, studies

EXACT = Machine(cv=0.0)
SMALL = grid({"a": [0, 1], "b": [0, 1, 2]})


def order(**more):
    rows = Simulation(SMALL, n_cycles=3, **more).rows(random.Random(1))
    return [row.cell for row in rows]


def test_sequential_and_interleaved_orders():
    assert order(order="sequential")[:4] == ["01", "01", "01", "02"]
    assert order(order="interleaved") == [cell.id for cell in SMALL.cells] * 3


def test_a_shuffled_order_differs_between_cycles_and_has_each_cell_once():
    cells = order()
    cycles = [cells[start : start + 6] for start in (0, 6, 12)]
    assert all(sorted(cycle) == [cell.id for cell in SMALL.cells] for cycle in cycles)
    assert cycles[0] != cycles[1]


def test_a_grouped_order_keeps_levels_together():
    cells = order(order="grouped", grouped=("a",))
    assert {tuple(sorted(cells[start : start + 3])) for start in range(0, 18, 3)} == {
        ("01", "02", "03"),
        ("04", "05", "06"),
    }


def test_drift_goes_from_the_first_run_to_the_last():
    rows = Simulation(SMALL, machine=Machine(cv=0.0, drift=0.06), n_cycles=1).rows(random.Random(1))
    assert [math.log(row.values[ENERGY]) for row in rows] == pytest.approx([0.06, 0.05, 0.04, 0.03, 0.02, 0.01])


def test_lost_runs_are_not_there():
    rows = Simulation(SMALL, lost=frozenset({"02.c1"})).rows(random.Random(1))
    assert len(rows) == 17


def test_without_noise_the_analysis_finds_the_true_ratios():
    [found] = studies(Simulation(DESIGN, several, EXACT), n=1)
    for name, ratios in TRUE_RATIOS.items():
        assert [level.ratio.value for level in found.factor(name).levels] == pytest.approx(ratios)


def test_most_intervals_hold_the_truth():
    held = [inside for found in studies(Simulation(DESIGN, several, Machine()), n=100) for inside in covered(found)]
    assert len(held) == 400
    assert 0.9 < sum(held) / len(held) < 0.99
