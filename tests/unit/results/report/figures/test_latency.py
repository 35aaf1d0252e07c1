"""Bins of a histogram."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

from llenergymeasure.domain.measurements import Distribution
from llenergymeasure.results.report.figures.latency import bin_ends, latency


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=200))
@example([0.0, 5e-324])
@example([3.0, 3.0])
def test_every_value_is_inside_bins_that_have_a_width(values):
    ends = bin_ends(values)
    assert ends[0] <= min(values) <= max(values) <= ends[-1]
    assert ends[0] < ends[-1]
    assert 2 <= len(ends) <= 41


@pytest.mark.parametrize("values", [[5.0], [3.0, 3.0], [0.0, 5e-324], [1.0, 2.0, 3.0]])
def test_any_values_give_a_figure(values):
    summary = Distribution(
        count=len(values), mean_ms=2.0, std_ms=0.0, min_ms=min(values), max_ms=max(values),
        p50_ms=values[0], p90_ms=2.0, p95_ms=values[-1], p99_ms=3.0,
    )  # fmt: skip
    picture = latency("request", "request latency", values, summary, [2] * len(values))
    assert picture is not None
    assert picture.text.startswith(f"{len(values)} samples; median ")
    assert "median" in picture.svg
