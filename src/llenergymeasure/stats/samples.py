"""Mean, standard deviation, range and percentiles of a sample of up to millions of values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import float64, int64
    from numpy.typing import NDArray

    Floats = NDArray[float64]


@dataclass(frozen=True)
class SampleFigures:
    """Figures of a sample. `deviation` is the sample standard deviation; None with one value."""

    count: int
    mean: float
    deviation: float | None
    smallest: float
    largest: float
    percentiles: tuple[float, ...]


def sample_figures(
    samples: Sequence[Sequence[float]], weights: Sequence[Sequence[int]] | None, shares: Sequence[float]
) -> SampleFigures:
    """Figures of several samples combined.

    Args:
        samples: at least one value in all.
        weights: how often each value counts (1 or more), in the same shape; None = once.
        shares: the percentiles as shares, 0 to 1, with linear interpolation between values.
    """
    import numpy as np  # noqa: PLC0415 - 0.1 s that only a measurement needs

    values = np.concatenate([np.asarray(sample, np.float64) for sample in samples])
    counts = None if weights is None else np.concatenate([np.asarray(one, np.int64) for one in weights])
    n = len(values) if counts is None else int(counts.sum())
    smallest, largest = float(values.min()), float(values.max())
    mean = min(max(float(np.average(values, weights=counts)), smallest), largest)  # rounding would leave the range
    squares = (values - mean) ** 2
    sum_of_squares = squares.sum() if counts is None else counts @ squares
    percentiles = np.quantile(values, shares) if counts is None else _percentiles(values, counts, shares)
    return SampleFigures(
        count=n,
        mean=mean,
        deviation=math.sqrt(sum_of_squares / (n - 1)) if n > 1 else None,
        smallest=smallest,
        largest=largest,
        percentiles=tuple(percentiles.tolist()),
    )


def _percentiles(values: Floats, counts: NDArray[int64], shares: Sequence[float]) -> Floats:
    """Percentiles of weighted values by linear interpolation between order statistics; numpy has them unweighted only."""
    import numpy as np  # noqa: PLC0415 - see above

    order = np.argsort(values)
    ordered, last = values[order], np.cumsum(counts[order])  # the places up to and including each value
    ranks = np.asarray(shares) * (last[-1] - 1)
    below = np.floor(ranks)
    low = ordered[np.searchsorted(last, below, side="right")]
    high = ordered[np.searchsorted(last, np.minimum(below + 1, last[-1] - 1), side="right")]
    found: Floats = low + (ranks - below) * (high - low)
    return found
