"""Least squares of cells and blocks, on numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llenergymeasure.stats.factorial.inference import ErrorTerm
from llenergymeasure.stats.factorial.layout import Layout


def fit(values, cells, blocks):
    return Layout.of(cells, blocks).fit_all(values)


def test_complete_blocks_give_the_means_of_cells():
    found = fit([1.0, 3.0, 2.0, 4.0], [0, 1, 0, 1], [0, 0, 1, 1])
    assert found.means.tolist() == pytest.approx([1.5, 3.5])
    assert found.offsets.tolist() == pytest.approx([-0.5, 0.5])
    assert found.sum_of_squares == 0.0


def test_two_cells_in_three_cycles_are_the_paired_t_test():
    """Differences 1, 2 and 3: mean 2, variance 1, so a run about the fit has half of it, with 2 degrees of freedom."""
    found = fit([0.0, 1.0, 5.0, 7.0, 3.0, 6.0], [0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 2, 2])
    error = ErrorTerm.of(found.sum_of_squares, found.layout.freedom)
    assert (error.freedom, error.variance) == (2, pytest.approx(0.5))
    weights = np.array([[-1.0, 1.0]])
    assert (weights @ found.means).tolist() == pytest.approx([2.0])
    assert found.layout.covariance(weights, np.array([0, 1])).tolist() == [pytest.approx([2 / 3])]


def test_a_lost_run_does_not_move_its_cell_by_its_block():
    """Block 1 is 10 higher. Cell 1 ran there only, and is 1 above cell 0 all the same."""
    found = fit([0.0, 10.0, 11.0], [0, 0, 1], [0, 1, 1])
    assert found.means[1] - found.means[0] == pytest.approx(1.0)


def test_runs_of_one_cell_have_the_deviation_of_their_mean():
    found = fit([1.0, 2.0, 3.0], [0, 0, 0], [0, 0, 0])
    assert (found.sum_of_squares, found.layout.freedom) == (pytest.approx(2.0), 2)


def test_a_single_cycle_leaves_no_degree_of_freedom():
    assert Layout.of([0, 1, 2], [0, 0, 0]).freedom == 0


def test_cells_without_a_common_block_count_as_two_fits():
    """Cells 0 and 1 in blocks 0 and 1, cells 2 and 3 in blocks 2 and 3: one degree of freedom each."""
    assert Layout.of([0, 1, 0, 1, 2, 3, 2, 3], [0, 0, 1, 1, 2, 2, 3, 3]).freedom == 2


def test_equal_runs_leave_exactly_nothing():
    found = fit([0.1 + 0.2] * 6, [0, 1, 2, 0, 1, 2], [0, 0, 0, 1, 1, 1])
    assert found.sum_of_squares == 0.0
    assert found.explained is None


def test_the_share_that_cells_explain():
    """Cells differ by 2 and runs deviate by 1 in turn: 8 of 8 + 8 between the runs of a block... all blocks alike."""
    found = fit([0.0, 2.0, 1.0, 1.0], [0, 1, 0, 1], [0, 0, 1, 1])
    assert found.explained == pytest.approx(0.5)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.floats(-5, 5)), min_size=1, max_size=30),
    st.floats(-3, 3),
)
@settings(max_examples=60, deadline=None)
def test_residuals_add_up_to_zero_in_each_cell_and_block_and_an_offset_of_all_changes_nothing(runs, offset):
    cells = [sorted({run[0] for run in runs}).index(run[0]) for run in runs]
    blocks = [sorted({run[1] for run in runs}).index(run[1]) for run in runs]
    values = [run[2] for run in runs]
    found = fit(values, cells, blocks)
    for groups in (cells, blocks):
        assert np.abs(np.bincount(groups, found.residuals)).max() < 1e-8
    moved = fit([value + offset for value in values], cells, blocks)
    assert np.abs(moved.residuals - found.residuals).max() < 1e-8
    assert found.layout.leverage.sum() == pytest.approx(len(runs) - found.layout.freedom)
