"""Intervals and tests of estimates with a common error term."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.special import chdtri, fdtrc, ndtr, stdtr, stdtrit

from llenergymeasure.stats.factorial.layout import ROUNDING, Floats

INTERVAL = 0.95
# Probability with which a detectable difference is found.
POWER = 0.8
# Of the integral over the deviations; doubling it changes no digit that is shown.
_NODES = 256
# A distance beyond which the normal distribution is 1, and the relative precision of the result.
_FAR, _NEAR = 10.0, 1e-9


@dataclass(frozen=True)
class ErrorTerm:
    """Variance of a run about the fit, with its degrees of freedom; 0 = it is not known."""

    variance: float
    freedom: int

    @classmethod
    def of(cls, sum_of_squares: float, freedom: int) -> ErrorTerm:
        """The variance from a sum of squared residuals."""
        return cls(sum_of_squares / freedom if freedom > 0 else 0.0, max(freedom, 0))

    @property
    def deviation(self) -> float:
        """Standard deviation of a run."""
        return float(np.sqrt(self.variance))

    @cached_property
    def quantile(self) -> float:
        """Student's t of the interval."""
        return float(stdtrit(self.freedom, (1 + INTERVAL) / 2))

    def margin(self, unit_variance: float) -> float | None:
        """Half the width of the interval of an estimate; None without degrees of freedom."""
        return self.quantile * self.deviation * float(np.sqrt(max(unit_variance, 0.0))) if self.freedom else None

    def margins(self, unit_variances: Floats) -> Floats | None:
        """The same for many estimates."""
        return self.quantile * self.deviation * np.sqrt(np.maximum(unit_variances, 0.0)) if self.freedom else None


def t_tests(differences: Floats, unit_variances: Floats, error: ErrorTerm) -> Floats | None:
    """Two-sided p of differences; None without degrees of freedom. Without a spread, any difference has p = 0."""
    if not error.freedom:
        return None
    deviations = error.deviation * np.sqrt(unit_variances)
    sizes = np.where(np.abs(differences) < ROUNDING, 0.0, np.abs(differences))
    ratios = np.divide(sizes, deviations, out=np.where(sizes > 0, np.inf, 0.0), where=deviations > 0)
    p_values: Floats = 2 * stdtr(error.freedom, -ratios)
    return p_values


def f_test(contrasts: Floats, unit_covariance: Floats, error: ErrorTerm) -> float | None:
    """p of the hypothesis that all contrasts are zero; None without degrees of freedom."""
    if not error.freedom:
        return None
    size = float(contrasts @ np.linalg.solve(unit_covariance, contrasts)) / len(contrasts)
    return ratio_test(size, len(contrasts), error)


def ratio_test(mean_square: float, freedom: int, error: ErrorTerm) -> float:
    """p of the F test of a mean square against the variance of a run."""
    if error.variance < ROUNDING**2:
        return 0.0 if mean_square > ROUNDING**2 else 1.0
    return float(fdtrc(freedom, error.freedom, mean_square / error.variance))


def detectable(unit_variance: float, error: ErrorTerm, alpha: float) -> float | None:
    """The smallest true difference that a two-sided test at `alpha` finds with probability 0.8, by the noncentral t.

    The chance to find it with the wrong sign is left out: it is below one in a million at such differences.
    """
    if not error.freedom:
        return None
    return _noncentrality(error.freedom, alpha) * error.deviation * float(np.sqrt(unit_variance))


@lru_cache(maxsize=1024)
def _noncentrality(freedom: int, alpha: float) -> float:
    """True difference in standard errors that is found with probability 0.8.

    Given the deviation that a study finds, the difference is normal; the power is the mean over these deviations, taken at the
    nodes of Gauss and Legendre. scipy's inverse (`nctdtrinc`) does not return for few degrees of freedom and a small alpha.
    """
    nodes, weights = _legendre()
    deviations = np.sqrt(chdtri(freedom, (1 - nodes) / 2) / freedom)
    critical = float(stdtrit(freedom, 1 - alpha / 2))
    low, high = 0.0, critical * float(deviations.max()) + _FAR
    while high - low > _NEAR * high:
        middle = (low + high) / 2
        power = float(ndtr(middle - critical * deviations) @ weights) / 2
        low, high = (middle, high) if power < POWER else (low, middle)
    return high


@lru_cache(maxsize=1)
def _legendre() -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(_NODES)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm, "A simple sequentially rejective multiple test procedure", 1979)."""
    given = np.asarray(p_values, np.float64)
    order = np.argsort(given, kind="stable")
    scaled = given[order] * np.arange(len(given), 0, -1)
    corrected = np.empty(len(given))
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    listed: list[float] = corrected.tolist()
    return listed
