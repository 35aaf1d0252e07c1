"""Grouped orders: which factors are grouped, and their error."""

from __future__ import annotations

import random

import pytest
from benchmarks.simulated_study import Machine, Simulation, grid, protocol

from llenergymeasure.study.analysis.analyse import analyse
from llenergymeasure.study.analysis.groups import grouped_factors

DESIGN = grid({"precision": ["bf16", "fp16"], "attention": ["sdpa", "eager"], "batch": [1, 8, 32]})


def rows_of(grouped, of_groups=0.0, n_cycles=4, **more):
    simulation = Simulation(
        DESIGN, machine=Machine(of_groups=of_groups), n_cycles=n_cycles, order="grouped", grouped=grouped, **more
    )
    return simulation.rows(random.Random(1))


@pytest.mark.parametrize("grouped", [("precision",), ("precision", "attention")])
def test_grouped_factors_are_found_from_the_order(grouped):
    assert grouped_factors(DESIGN, rows_of(grouped), protocol(4, "grouped")) == set(grouped)


def test_other_orders_group_nothing():
    assert grouped_factors(DESIGN, rows_of(("precision",)), protocol(4)) == frozenset()


def test_a_grouped_factor_is_tested_against_the_differences_of_groups():
    """Groups differ by 20 %, so precision has wide intervals and batch size, inside the groups, narrow ones."""
    found = analyse(DESIGN, rows_of(("precision",), of_groups=0.2), protocol(4, "grouped")).metrics[0]
    assert (found.factor("precision").grouped, found.factor("batch").grouped) == (True, False)
    assert found.factor("precision").span.high > 1.1
    assert found.factor("batch").detectable < 1.05
    assert found.factor("precision").finding == "undecided"


def test_cells_of_another_group_have_no_interval():
    found = analyse(DESIGN, rows_of(("precision",)), protocol(4, "grouped")).metrics[0]
    same = [cell.ratio.low is not None for cell in found.cells]
    assert same == [True] * 6 + [False] * 6


def test_with_a_lost_run_a_grouped_factor_has_no_test():
    rows = rows_of(("precision",), lost=frozenset({"03.c2"}))
    found = analyse(DESIGN, rows, protocol(4, "grouped")).metrics[0]
    assert (found.factor("precision").p_value, found.factor("precision").finding) == (None, "not_tested")
    assert found.factor("batch").p_value is not None
