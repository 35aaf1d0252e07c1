"""Runs that differ strongly from the fit."""

from __future__ import annotations

import numpy as np

from llenergymeasure.stats.factorial.layout import CellFit

# Deviations from a fit with fewer degrees of freedom say too little about their usual size.
LEAST_FREEDOM = 6
# In robust standard deviations. Beyond it are one of 140,000 values of a normal distribution; the robust deviation of few
# residuals varies, so that 1 of 100 studies of 12 cells and 3 cycles has such a run by chance.
THRESHOLD = 4.5
_MAD_OF_NORMAL = 0.6745


def strong_outliers(fit: CellFit) -> tuple[int, ...]:
    """Indices of the runs whose standardised residual is above the threshold, the largest first.

    The deviation is the median absolute residual: unlike the root mean square it does not grow with a few outliers
    (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993).
    """
    if fit.layout.freedom < LEAST_FREEDOM:
        return ()
    share = 1 - fit.layout.leverage
    standardised = np.divide(np.abs(fit.residuals), np.sqrt(share), out=np.zeros(len(share)), where=share > 1e-9)
    deviation = float(np.median(standardised[share > 1e-9])) / _MAD_OF_NORMAL
    far = np.flatnonzero(standardised > THRESHOLD * deviation) if deviation > 0 else np.array([], int)
    return tuple(int(place) for place in sorted(far, key=lambda place: -standardised[place]))
