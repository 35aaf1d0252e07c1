"""Effects of a full grid, checked by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from llenergymeasure.stats.factorial.grid import Grid, averaged
from llenergymeasure.stats.factorial.layout import Layout


def fit_of(means, n_blocks=2):
    """A fit of cells that have these means in each block."""
    layout = Layout.of(list(range(len(means))) * n_blocks, [b for b in range(n_blocks) for _ in means])
    return layout.fit_all([*means] * n_blocks)


def test_main_effects_and_interaction_of_two_by_two():
    """Means 1, 2, 3 and 8: first factor 1.5 to 5.5, second 2 to 5, interaction 8 - 3 - 2 + 1 = 4."""
    fit = fit_of([1.0, 2.0, 3.0, 8.0])
    grid = Grid.of(fit.layout, (2, 2), range(4))
    assert grid.levels(fit, 0).values.tolist() == pytest.approx([1.5, 5.5])
    assert grid.levels(fit, 1).values.tolist() == pytest.approx([2.0, 5.0])
    assert {term: found.square for term, found in grid.terms(fit).sums().items()} == pytest.approx(
        {(0,): 16.0, (1,): 9.0, (0, 1): 4.0}
    )


def test_contrasts_of_a_term_are_its_weights_times_the_means():
    means = np.random.default_rng(1).normal(size=24)
    fit = fit_of(means.tolist())
    grid = Grid.of(fit.layout, (2, 3, 4), range(24))
    for term in [(0,), (2,), (0, 2), (0, 1, 2)]:
        found = grid.terms(fit).contrasts(term)
        assert found.values == pytest.approx(grid.term_weights(term) @ fit.means)
        assert found.covariance == pytest.approx(np.eye(len(found.values)) / 2)


def test_means_by_level_of_two_factors_are_in_the_order_of_the_grid():
    fit = fit_of([float(number) for number in range(12)])
    grid = Grid.of(fit.layout, (2, 3, 2), range(12))
    assert grid.levels(fit, 0, 2).values == pytest.approx(grid.level_weights((0, 2)) @ fit.means)
    assert grid.levels(fit, 0, 2).values.tolist() == pytest.approx([2.0, 3.0, 8.0, 9.0])


def test_sums_add_up_to_the_sum_of_squares_of_all_cells():
    means = np.random.default_rng(2).normal(size=18)
    fit = fit_of(means.tolist())
    grid = Grid.of(fit.layout, (3, 2, 3), range(18))
    assert sum(found.square for found in grid.terms(fit).sums().values()) == pytest.approx(
        float(((means - means.mean()) ** 2).sum())
    )


def test_a_factor_of_several_grids_has_equal_weights_of_the_grids():
    """One grid with means 0 and 2, one of four cells with means 10 and 16: 5 and 9."""
    fit = fit_of([0.0, 2.0, 9.0, 11.0, 15.0, 17.0])
    grids = [Grid.of(fit.layout, (2,), [0, 1]), Grid.of(fit.layout, (2, 2), [2, 3, 4, 5])]
    assert averaged(fit, grids, [0, 0]).values.tolist() == pytest.approx([5.0, 9.0])


def test_runs_per_cell_is_the_harmonic_mean():
    layout = Layout.of([0, 1, 1, 1], [0, 0, 0, 0])
    assert Grid.of(layout, (2,), [0, 1]).runs_per_cell == pytest.approx(1.5)


def test_all_terms_of_three_factors():
    fit = fit_of([0.0] * 8)
    terms = set(Grid.of(fit.layout, (2, 2, 2), range(8)).terms(fit).sums())
    assert terms == {
        tuple(axis for axis, inside in enumerate(pattern) if inside)
        for pattern in product((0, 1), repeat=3)
        if any(pattern)
    }
