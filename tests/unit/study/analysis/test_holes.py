"""Which full grid is analysed."""

from __future__ import annotations

import random

import pytest
from benchmarks.simulated_study import Simulation, design_of, grid

from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.design import Factor
from llenergymeasure.study.analysis.frame import Frames
from llenergymeasure.study.analysis.holes import full_grid
from llenergymeasure.study.analysis.model import Model, Placement

ENERGY = METRICS["energy_per_output_token"]


def model_of(design):
    frame = Frames(design, Simulation(design).rows(random.Random(1))).of(ENERGY)
    placement = Placement.of(frame.runs)
    return Model(design, frame, placement, placement.layout.fit_all(frame.logs), frozenset(), None)


def full(design):
    model = model_of(design)
    places = range(len(model.frame.cells))
    return full_grid(model, places, model.varying(places))


def test_a_full_grid_is_taken_as_it_is():
    found = full(grid({"a": [1, 2], "b": [1, 2, 3]}))
    assert (found.levels, found.grid.shape, found.complete) == (((0, 1), (0, 1, 2)), (2, 3), True)
    assert found.grid.cells.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_hole_drops_a_level():
    found = full(grid({"a": [1, 2], "b": [1, 2, 3]}, absent=[5]))
    assert (found.levels, found.complete) == (((0, 1), (0, 1)), False)


@pytest.mark.parametrize(
    "cells",
    [
        [{"a": 0, "b": 0}, {"a": 1, "b": 0}, {"a": 0, "b": 1}],  # a factor would keep one level
        [{"a": 0, "b": 0}, {"a": 1, "b": 1}],
        [{"a": 0, "b": 0}, {"a": 0, "b": 0}, {"a": 1, "b": 0}, {"a": 1, "b": 1}],  # two cells at one place
    ],
)
def test_a_list_is_no_grid(cells):
    factors = tuple(Factor(name=name, fields=(name,), levels=(1, 2)) for name in "ab")
    assert full(design_of(factors, cells)) is None


def test_a_factor_that_does_not_vary_is_no_axis():
    factors = tuple(Factor(name=name, fields=(name,), levels=(1, 2)) for name in "ab")
    found = full(design_of(factors, [{"a": 0, "b": 1}, {"a": 1, "b": 1}]))
    assert [factor.name for factor in found.factors] == ["a"]


def test_metrics_of_the_same_runs_share_the_grid():
    model = model_of(grid({"a": [1, 2], "b": [1, 2]}))
    factors = model.varying(range(4))
    assert full_grid(model, range(4), factors) is full_grid(model, range(4), factors)
