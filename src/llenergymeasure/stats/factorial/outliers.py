"""Runs that differ strongly from the fit."""

from __future__ import annotations

import numpy as np

from llenergymeasure.stats.factorial.layout import CellFit, Layout

# Deviations from a fit with fewer degrees of freedom say too little about their usual size.
LEAST_FREEDOM = 6
# In robust standard deviations. Beyond it are one of 140,000 values of a normal distribution; the robust deviation of few
# residuals varies, so that 1 of 100 studies of 12 cells and 3 cycles has such a run by chance.
THRESHOLD = 4.5
_MAD_OF_NORMAL = 0.6745
# Of the runs; more than that are not exceptions.
_LARGEST_SHARE = 0.1
# In a block of this many runs, one outlier has little effect on the offset of the block.
_LARGE_BLOCK = 10
# A run that sets its own fitted value, such as the only one of its cell, has no residual.
_LEAST_SHARE = 1e-9


def strong_outliers(fit: CellFit) -> tuple[int, ...]:
    """Indices of the runs whose standardised residual is above the threshold.

    The deviation is the median absolute residual: unlike the root mean square it does not grow with a few outliers
    (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993). Outliers are removed and the rest is examined
    again, because they move the means of their cells away from the other runs.
    """
    found: list[int] = []
    kept = np.arange(len(fit.residuals))
    values = fit.centred
    while fit.layout.freedom >= LEAST_FREEDOM and len(found) < _LARGEST_SHARE * len(values):
        places = _farthest(fit)
        if not places:
            break
        found += kept[places].tolist()
        kept = np.delete(kept, places)
        fit = Layout(np.delete(fit.layout.cells, places), np.delete(fit.layout.blocks, places)).fit(values[kept])
    return tuple(found)


def _farthest(fit: CellFit) -> list[int]:
    """The runs above the threshold, but only the largest of each cell and of each small block, which move the others."""
    layout, share = fit.layout, 1 - fit.layout.leverage
    standardised = np.divide(
        np.abs(fit.residuals), np.sqrt(share), out=np.zeros(len(share)), where=share > _LEAST_SHARE
    )
    deviation = float(np.median(standardised[share > _LEAST_SHARE])) / _MAD_OF_NORMAL
    far = np.flatnonzero(standardised > THRESHOLD * deviation) if deviation > 0 else np.array([], np.int64)
    is_small = np.bincount(layout.blocks) < _LARGE_BLOCK
    moved: set[tuple[str, int]] = set()
    places = []
    for place in sorted(far.tolist(), key=lambda each: -standardised[each]):
        cell, block = ("cell", int(layout.cells[place])), ("block", int(layout.blocks[place]))
        if not moved & {cell, block}:
            places.append(place)
            moved |= {cell, block} if is_small[block[1]] else {cell}
    return places
