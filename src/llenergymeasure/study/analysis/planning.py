"""What a study of a design could show, before anything runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.effects import ALPHA

# Coefficients of variation of a run: a quiet GPU, a usual machine, a busy one.
CVS = (0.01, 0.03, 0.10)


def detectable_at(design: StudyDesign, n_cycles: int, cvs: Sequence[float] = CVS) -> dict[float, float | None]:
    """The smallest ratio of two levels that would be found with probability 0.8, by coefficient of variation of a run.

    It is that of the factor with the most levels, because fewer runs have each of its levels; of two cells without factors.

    Args:
        design: factors and cells.
        n_cycles: number of cycles.
        cvs: coefficients of variation.

    Returns:
        The ratio, above 1; None with a single cycle or a single cell, which show nothing.
    """
    n_cells = len(design.cells)
    n_levels = max((len(factor.levels) for factor in design.factors), default=n_cells)
    n_tests = len(design.factors) or max(1, n_cells - 1)
    return {cv: smallest_ratio(n_cells, n_levels, n_cycles, cv, n_tests) for cv in cvs}


def smallest_ratio(n_cells: int, n_levels: int, n_cycles: int, cv: float, n_tests: int = 1) -> float | None:
    """The smallest ratio of two of the levels that would be found with probability 0.8.

    Args:
        n_cells: number of cells of a full grid.
        n_levels: number of levels of the factor.
        n_cycles: number of cycles.
        cv: coefficient of variation of a run.
        n_tests: number of factors, or of cells that are compared with the reference, for which p is corrected.
    """
    from llenergymeasure.stats.factorial.inference import ErrorTerm, detectable  # noqa: PLC0415 - numpy and scipy
    from llenergymeasure.stats.factorial.layout import LARGEST_LOG  # noqa: PLC0415 - numpy and scipy

    freedom = (n_cells - 1) * (n_cycles - 1)
    if freedom < 1 or n_levels < 2:
        return None
    runs_per_level = n_cells * n_cycles / n_levels
    step = detectable(2 / runs_per_level, ErrorTerm(math.log1p(cv * cv), freedom), ALPHA / n_tests)
    return None if step is None else math.exp(min(step, LARGEST_LOG))
