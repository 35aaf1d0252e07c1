"""What a study could show."""

from __future__ import annotations

import math

import pytest
from benchmarks.simulated_study import grid
from scipy.stats import nct, t

from llenergymeasure.study.analysis.planning import CVS, detectable_at, smallest_ratio

DESIGN = grid({"precision": ["bf16", "fp16"], "batch": [1, 8, 32]})


def test_more_cycles_and_less_noise_show_smaller_differences():
    three, five = detectable_at(DESIGN, 3), detectable_at(DESIGN, 5)
    assert list(three) == list(CVS)
    assert 1 < three[0.01] < three[0.03] < three[0.1]
    assert all(five[cv] < three[cv] for cv in CVS)


def test_a_single_cycle_or_a_single_cell_shows_nothing():
    assert set(detectable_at(DESIGN, 1).values()) == {None}
    assert set(detectable_at(grid({"precision": ["bf16"]}), 5).values()) == {None}


def test_the_ratio_is_found_with_probability_0_8():
    """12 cells in 3 cycles, two levels: 18 runs of each, 22 degrees of freedom, one factor."""
    step = math.log(smallest_ratio(12, 2, 3, 0.02))
    error = math.sqrt(math.log1p(0.02**2) * 2 / 18)
    assert nct.sf(t.ppf(0.995, 22), 22, step / error) == pytest.approx(0.8, abs=1e-5)


def test_cells_without_factors_are_compared_with_the_reference_each():
    """Four cells: three comparisons, so each has a third of the level, as in the analysis."""
    cells = grid({"precision": ["a", "b", "c", "d"]})
    found = detectable_at(cells.model_copy(update={"factors": ()}), 3, (0.02,))[0.02]
    assert found == smallest_ratio(4, 4, 3, 0.02, 3)
    assert found > smallest_ratio(4, 4, 3, 0.02, 1)
