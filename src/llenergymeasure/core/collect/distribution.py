"""Summarises latencies as a distribution."""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.domain.measurements import Distribution
from llenergymeasure.stats.samples import sample_figures


def distribution(samples_ms: Sequence[Sequence[float]], weights: Sequence[Sequence[int]] | None = None) -> Distribution:
    """Mean, standard deviation and percentiles in ms of several samples combined.

    Args:
        samples_ms: at least one value in all.
        weights: how often each value counts, in the same shape; None = once.
    """
    figures = sample_figures(samples_ms, weights, (0.5, 0.9, 0.95, 0.99))
    p50, p90, p95, p99 = figures.percentiles
    return Distribution(
        count=figures.count,
        mean_ms=figures.mean,
        std_ms=figures.deviation,
        min_ms=figures.smallest,
        p50_ms=p50,
        p90_ms=p90,
        p95_ms=p95,
        p99_ms=p99,
        max_ms=figures.largest,
    )
