"""Percentiles of samples from several processes, for millions of them.

The same figures as `core.metrics.distribution`, which a test holds side by side, from columns instead of Python lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from llenergymeasure.domain.measurements import Distribution


def pooled(samples: Sequence[Sequence[float]], weights: Sequence[Sequence[int]] | None = None) -> Distribution | None:
    """Mean, spread and percentiles of several samples taken as one, each value counted `weights` times (once when None).

    None without a value.
    """
    if not any(samples):
        return None
    figures = import_module("llenergymeasure._tables").sample_figures(samples, weights, (0.5, 0.9, 0.95, 0.99))
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
