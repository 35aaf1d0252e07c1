"""Ten designs give the numbers of statsmodels."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np
import pandas
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.multitest import multipletests

from llenergymeasure.stats.factorial.additive import fit_additive
from llenergymeasure.stats.factorial.against import against
from llenergymeasure.stats.factorial.grid import Grid
from llenergymeasure.stats.factorial.inference import ErrorTerm, f_test, holm
from llenergymeasure.stats.factorial.layout import CellFit, Layout
from llenergymeasure.stats.factorial.levels import compare_levels

NAMES = "abcd"


@dataclass(frozen=True)
class Design:
    """A grid with noise: `lost` is the share of runs without a result, `twice` the share that ran twice."""

    shape: tuple[int, ...]
    n_cycles: int
    lost: float = 0.0
    twice: float = 0.0
    seed: int = 1
    cells: list[tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", list(product(*map(range, self.shape))))

    def data(self) -> pandas.DataFrame:
        """Runs with random effects of all orders."""
        chance = random.Random(self.seed)
        means = [chance.gauss(0, 1) for _ in self.cells]
        offsets = [chance.gauss(0, 0.5) for _ in range(self.n_cycles)]
        rows = [
            {"cell": cell, "cycle": cycle, "y": means[cell] + offsets[cycle] + chance.gauss(0, 0.3)}
            | dict(zip(NAMES, self.cells[cell]))
            for cell in range(len(self.cells))
            for cycle in range(self.n_cycles)
            for _ in range(self._times(chance))
        ]
        return pandas.DataFrame(rows)

    def _times(self, chance: random.Random) -> int:
        return 0 if chance.random() < self.lost else 1 + (chance.random() < self.twice)


GRIDS = {
    "12 cells, 3 cycles": Design((2, 3, 2), 3),
    "4 cells, 5 cycles": Design((2, 2), 5),
    "one factor": Design((4,), 4),
    "two cycles": Design((3, 3, 2), 2),
    "four factors": Design((2, 2, 2, 2), 2),
    "lost runs": Design((2, 3, 2), 4, lost=0.08),
    "many lost runs": Design((3, 4), 6, lost=0.25),
    "runs twice": Design((2, 3), 3, twice=0.3),
    "lost and twice": Design((2, 2, 3), 5, lost=0.1, twice=0.2),
    "ten cycles": Design((5, 2), 10, lost=0.02),
}


@dataclass(frozen=True)
class Ours:
    data: pandas.DataFrame
    fit: CellFit
    grid: Grid

    @property
    def error(self) -> ErrorTerm:
        return ErrorTerm.of(self.fit.sum_of_squares, self.fit.layout.freedom)


def ours_of(design: Design) -> Ours:
    data = design.data()
    layout = Layout.of(data["cell"].tolist(), data["cycle"].tolist())
    assert layout.per_cell.min() >= 1
    return Ours(data, layout.fit_all(data["y"].tolist()), Grid.of(layout, design.shape, range(len(design.cells))))


@pytest.fixture(scope="module", params=GRIDS)
def both(request):
    """Our fit of a design, and that of statsmodels with all interactions and sum-to-zero contrasts."""
    design = GRIDS[request.param]
    ours = ours_of(design)
    factors = [f"C({name}, Sum)" for name in NAMES[: len(design.shape)]]
    return ours, ols(f"y ~ C(cycle, Sum) + {' * '.join(factors)}", ours.data).fit()


def near(value):
    return pytest.approx(value, rel=1e-9, abs=1e-12)


def test_residual_variance_and_its_degrees_of_freedom(both):
    ours, theirs = both
    assert ours.error.freedom == theirs.df_resid
    assert ours.error.variance == near(theirs.mse_resid)


def test_f_tests_of_all_effects_are_the_type_iii_tests(both):
    ours, theirs = both
    table = anova_lm(theirs, typ=3)
    terms = ours.grid.terms(ours.fit)
    for term in terms.sums():
        found = terms.contrasts(term)
        row = table.loc[":".join(f"C({NAMES[axis]}, Sum)" for axis in term)]
        assert f_test(found.values, found.covariance, ours.error) == near(row["PR(>F)"])


def test_intervals_of_levels_against_the_first(both):
    ours, _ = both
    theirs = ols("y ~ C(cycle) + C(cell) - 1", ours.data).fit()
    names = list(theirs.params.index)
    for axis, n in enumerate(ours.grid.shape):
        weights = ours.grid.level_weights((axis,))
        found = compare_levels(ours.grid.levels(ours.fit, axis), ours.error, 0, 0.01)
        for level in range(1, n):
            contrast = np.zeros(len(names))
            for cell, weight in enumerate(weights[level] - weights[0]):
                if cell:
                    contrast[names.index(f"C(cell)[T.{cell}]")] = weight
            test = theirs.t_test(contrast)
            low, high = test.conf_int()[0]
            step = found.differences[level]
            assert (step.value - step.margin, step.value + step.margin) == (near(low), near(high))


def test_cells_against_the_first_with_holms_correction(both):
    ours, _ = both
    theirs = ols("y ~ C(cell) + C(cycle)", ours.data).fit()
    found = against(ours.fit, 0, ours.error)
    others = range(1, len(found.means.values))
    rows = [f"C(cell)[T.{cell}]" for cell in others]
    limits = np.exp(theirs.conf_int().loc[rows].to_numpy())
    assert [found.ratios.lows[cell] for cell in others] == near(limits[:, 0].tolist())
    assert [found.ratios.highs[cell] for cell in others] == near(limits[:, 1].tolist())
    corrected = multipletests(theirs.pvalues[rows], method="holm")[1]
    assert [found.p_holm[cell] for cell in others] == near(corrected.tolist())


def test_explained_variation(both):
    ours, theirs = both
    blocks = ols("y ~ C(cycle)", ours.data).fit()
    assert ours.fit.explained == near(1 - theirs.ssr / blocks.ssr)


def test_sums_of_squares_of_a_balanced_grid():
    ours = ours_of(GRIDS["12 cells, 3 cycles"])
    theirs = anova_lm(ols("y ~ C(cycle) + C(a) * C(b) * C(c)", ours.data).fit(), typ=2)
    for term, found in ours.grid.terms(ours.fit).sums().items():
        row = theirs.loc[":".join(f"C({NAMES[axis]})" for axis in term)]
        assert found.square * 3 == near(row["sum_sq"])
        assert found.freedom == row["df"]


def test_a_part_of_a_grid_is_tested_against_all_residuals():
    """Cell 11 of 2 x 3 x 2 has no run: the grid without the last level of b is a contrast of the other cells."""
    design = Design((2, 3, 2), 3)
    data = design.data().query("cell != 11")
    layout = Layout.of(data["cell"].tolist(), data["cycle"].tolist())
    fit = layout.fit_all(data["y"].tolist())
    kept = [number for number, cell in enumerate(design.cells) if cell[1] < 2]
    found = Grid.of(layout, (2, 2, 2), kept).terms(fit).contrasts((0,))
    theirs = ols("y ~ C(cycle) + C(cell) - 1", data).fit()
    contrast = np.zeros(len(theirs.params))
    for number in kept:
        if number:
            contrast[list(theirs.params.index).index(f"C(cell)[T.{number}]")] = 1 if design.cells[number][0] else -1
    error = ErrorTerm.of(fit.sum_of_squares, layout.freedom)
    assert f_test(found.values, found.covariance, error) == near(float(theirs.f_test(contrast).pvalue))


@pytest.mark.parametrize("lost", [0.0, 0.1])
def test_factors_without_interactions(lost):
    """Estimates of the additive fit, and the test of what it leaves over."""
    ours = ours_of(Design((2, 3, 2), 5, lost=lost, seed=3))
    levels = list(product(range(2), range(3), range(2)))
    found = fit_additive(ours.fit, levels, ours.error)
    theirs = ols("y ~ C(cycle) + C(a) + C(b) + C(c)", ours.data).fit()
    for axis, n in enumerate((2, 3, 2)):
        steps = found.factors[axis].values[1:] - found.factors[axis].values[0]
        assert steps.tolist() == near([theirs.params[f"C({NAMES[axis]})[T.{level}]"] for level in range(1, n)])
    full = ols("y ~ C(cycle) + C(cell)", ours.data).fit()
    assert found.p_interacting == near(anova_lm(theirs, full)["Pr(>F)"].iloc[1])


def test_shares_without_interactions_are_the_average_over_all_orders_of_entry():
    ours = ours_of(Design((2, 3), 4, lost=0.2, seed=5))
    found = fit_additive(ours.fit, list(product(range(2), range(3))), ours.error)
    terms = ["C(a)", "C(b)"]

    def ssr(*chosen: str) -> float:
        return ols(" + ".join(["y ~ C(cycle)", *chosen]), ours.data).fit().ssr

    gains = [(ssr() - ssr(one) + ssr(other) - ssr(*terms)) / 2 for one, other in (terms, terms[::-1])]
    assert [found.shares[0], found.shares[1]] == near([gain / sum(gains) for gain in gains])


def test_holms_correction():
    chance = random.Random(1)
    for size in (1, 2, 7, 30):
        values = [chance.random() ** 4 for _ in range(size)]
        assert holm(values) == near(multipletests(values, method="holm")[1].tolist())


def test_every_pair_of_effects_of_a_balanced_grid_is_independent():
    ours = ours_of(GRIDS["12 cells, 3 cycles"])
    terms = list(ours.grid.terms(ours.fit).sums())
    for one, other in combinations(terms, 2):
        assert np.abs(ours.grid.term_weights(one) @ ours.grid.term_weights(other).T).max() < 1e-12
