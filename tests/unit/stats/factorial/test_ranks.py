"""Normal ranks: an outlier changes the result little. A small effect is found beside large effects of other factors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from llenergymeasure.stats.factorial.layout import Layout
from llenergymeasure.stats.factorial.ranks import Groups, normal_ranks


def fit(values, cells, blocks):
    return Layout.of(cells, blocks).fit_all(values)


def test_scores_of_three_cells_in_one_block():
    found = normal_ranks(fit([5.0, 1.0, 100.0], [0, 1, 2], [0, 0, 0]))
    assert found.means.tolist() == pytest.approx([0.0, ndtri(0.625 / 3.25), ndtri(2.625 / 3.25)])


def test_equal_values_share_their_ranks():
    found = normal_ranks(fit([1.0, 1.0 + 1e-15, 2.0], [0, 1, 2], [0, 0, 0]))
    assert found.means[0] == found.means[1] == pytest.approx(ndtri((1.5 - 0.375) / 3.25))


def test_blocks_are_taken_off_first():
    apart = fit([0.0, 1.0, 50.0, 51.0], [0, 1, 0, 1], [0, 0, 1, 1])
    assert normal_ranks(apart).sum_of_squares == pytest.approx(0.0)


def test_a_value_far_away_counts_as_the_largest():
    near, far = ([0.0, 1.0, 0.2, largest] for largest in (1.3, 1000.0))
    cells, blocks = [0, 1, 0, 1], [0, 0, 0, 0]
    assert normal_ranks(fit(near, cells, blocks)).means.tolist() == normal_ranks(fit(far, cells, blocks)).means.tolist()


def test_the_median_of_cells_that_differ_in_one_factor_only_is_subtracted():
    """Groups at 0 and at 10, each with a small effect of 1: after alignment the ranks are those of the effect."""
    found = fit([0.0, 1.0, 10.0, 11.1], [0, 1, 2, 3], [0] * 4)
    aligned = normal_ranks(found, Groups.of(found.layout, [0, 0, 1, 1]))
    low, high = np.sort(aligned.means)[:2], np.sort(aligned.means)[2:]
    assert set(aligned.means[[0, 2]]) == set(low)
    assert set(aligned.means[[1, 3]]) == set(high)


def test_the_median_of_a_group_is_that_of_its_runs_however_many_each_group_has():
    """Groups of 1, 2 and 3 runs, in no order."""
    layout = Layout.of([0, 1, 2, 1, 2, 2], [0, 0, 0, 1, 1, 2])
    medians = Groups.of(layout, [1, 0, 2]).medians(np.array([7.0, 1.0, 30.0, 4.0, 10.0, 20.0]))
    assert medians.tolist() == [7.0, 2.5, 20.0, 2.5, 20.0, 20.0]
