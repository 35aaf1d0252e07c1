"""What must not change the analysis."""

from __future__ import annotations

import random

import pytest
from benchmarks.simulated_study import ENERGY, Machine, Simulation, grid, protocol
from hypothesis import given, settings
from hypothesis import strategies as st

from llenergymeasure.study.analysis.analyse import analyse

DESIGN = grid({"precision": ["bf16", "fp16"], "batch": [1, 8, 32]})
runs = st.builds(
    lambda seed, lost: Simulation(
        DESIGN, lambda levels: -0.4 * levels["batch"] + 0.1 * levels["precision"], Machine(lost=lost)
    ).rows(random.Random(seed)),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.15]),
)
few = settings(max_examples=12, deadline=None)


def metric_of(rows):
    return analyse(DESIGN, rows, protocol(3)).metrics[0]


def scaled(rows, factor_of):
    return [row.model_copy(update={"values": {ENERGY: row.values[ENERGY] * factor_of(row)}}) for row in rows]


def numbers(metric):
    """Ratios, intervals and p of all factors."""
    return [
        number
        for effect in metric.factors
        for number in (
            effect.span.value,
            effect.span.low,
            effect.span.high,
            effect.p_value,
            effect.p_ranks,
            effect.share,
        )
    ]


def same(one, other):
    assert numbers(one) == pytest.approx(numbers(other), rel=1e-6, abs=1e-12)


@given(runs, st.randoms())
@few
def test_the_order_of_the_rows(rows, chance):
    mixed = list(rows)
    chance.shuffle(mixed)
    same(metric_of(rows), metric_of(mixed))


@given(runs, st.floats(1e-3, 1e3))
@few
def test_the_unit(rows, factor):
    found, moved = metric_of(rows), metric_of(scaled(rows, lambda row: factor))
    same(found, moved)
    assert moved.cells[0].mean == pytest.approx(factor * found.cells[0].mean)


@given(runs, st.floats(0.5, 2.0), st.floats(0.5, 2.0))
@few
def test_a_level_of_a_whole_cycle(rows, second, third):
    same(metric_of(rows), metric_of(scaled(rows, lambda row: {1: 1.0, 2: second, 3: third}[row.cycle])))


@given(runs)
@few
def test_the_inverse_of_the_metric_has_the_inverse_ratios(rows):
    found, turned = metric_of(rows), metric_of([
        row.model_copy(update={"values": {ENERGY: 1 / row.values[ENERGY]}}) for row in rows
    ])  # fmt: skip
    same(found, turned)
    assert [cell.ratio and cell.ratio.value for cell in turned.cells] == pytest.approx(
        [cell.ratio and 1 / cell.ratio.value for cell in found.cells]
    )


@given(runs)
@few
def test_numbers_are_in_their_ranges(rows):
    found = metric_of(rows)
    for effect in found.factors:
        assert effect.span.low <= effect.span.value <= effect.span.high
        assert 1 <= effect.span.value < effect.span.high
        assert effect.p_value <= effect.p_holm <= 1
        assert effect.detectable > 1
    assert 0 <= found.explained <= 1
