"""Shares of the explained variance, with intervals.

The sum of squares of an effect contains noise: its expectation is the true sum plus its degrees of freedom times the variance of
a mean. That is subtracted, and the rest is at least zero (omega squared: Hays, "Statistics for Psychologists", 1963). The
intervals are from a parametric bootstrap: effects are drawn from the noncentral chi-square distribution that was estimated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llenergymeasure.stats.factorial.grid import Term, TermSum
from llenergymeasure.stats.factorial.inference import INTERVAL, ErrorTerm
from llenergymeasure.stats.factorial.layout import ROUNDING, Floats

_DRAWS = 2000


@dataclass(frozen=True)
class Shares:
    """Shares of the explained variance.

    Attributes:
        terms: of each effect.
        factors: of each factor, with an equal part of each interaction.
        lows, highs: ends of the intervals of factors; None where the runs of a cell do not differ at all.
    """

    terms: Mapping[Term, float]
    factors: tuple[float, ...]
    lows: tuple[float, ...] | None = None
    highs: tuple[float, ...] | None = None


def shares(
    sums: Mapping[Term, TermSum], errors: Mapping[Term, ErrorTerm], n_factors: int, n_runs: float
) -> Shares | None:
    """Shares of the effects of a full grid; None if nothing is explained, or the noise is not known.

    Args:
        sums: sum of squares of each effect, over the cells' means.
        errors: the variance of a run that applies to each effect.
        n_factors: number of factors.
        n_runs: runs per cell.
    """
    if not all(error.freedom for error in errors.values()):
        return None
    terms = list(sums)
    squares = np.array([sums[term].square for term in terms])
    freedoms = np.array([sums[term].freedom for term in terms], np.float64)
    noise = np.array([errors[term].variance / n_runs for term in terms])
    signal = np.maximum(squares - freedoms * noise, 0.0)
    if signal.sum() <= ROUNDING**2:
        return None
    to_factors = np.array([[(axis in term) / len(term) for axis in range(n_factors)] for term in terms])
    found = signal / signal.sum()
    values = Shares(dict(zip(terms, found.tolist())), tuple((found @ to_factors).tolist()))
    if not noise.all():
        return values
    drawn = np.einsum(  # and not `@`, see `layout`
        "dt,tf->df", _drawn(signal, freedoms, noise, [errors[term].freedom for term in terms]), to_factors
    )
    lows, highs = np.quantile(drawn, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2], axis=0)
    return Shares(values.terms, values.factors, tuple(lows.tolist()), tuple(highs.tolist()))


def _drawn(signal: Floats, freedoms: Floats, noise: Floats, of_errors: Sequence[int]) -> Floats:
    """Shares of the effects in repeated studies, a row each. The noise itself is known from few degrees of freedom only."""
    chance = np.random.default_rng(1)
    scales = {freedom: freedom / chance.chisquare(freedom, (_DRAWS, 1)) for freedom in sorted(set(of_errors))}
    noises = noise * np.hstack([scales[freedom] for freedom in of_errors])
    squares = noises * chance.noncentral_chisquare(freedoms, signal / noises)
    signals = np.maximum(squares - freedoms * noises, 0.0)
    totals = signals.sum(axis=1, keepdims=True)
    drawn: Floats = np.divide(signals, totals, out=np.zeros_like(signals), where=totals > 0)
    return drawn
