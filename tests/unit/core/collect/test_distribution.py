"""Latencies in short."""

from __future__ import annotations

import pytest

from llenergymeasure.core.collect.distribution import distribution


def test_every_figure_has_its_field():
    found = distribution([[10.0, 20.0, 30.0, 40.0, 50.0]])
    assert found.model_dump() == {
        "count": 5,
        "mean_ms": 30.0,
        "std_ms": pytest.approx(250**0.5),  # squares 400 + 100 + 0 + 100 + 400 over 4
        "min_ms": 10.0,
        "p50_ms": 30.0,
        "p90_ms": pytest.approx(46.0),  # place 3.6 of 0 to 4
        "p95_ms": pytest.approx(48.0),
        "p99_ms": pytest.approx(49.6),
        "max_ms": 50.0,
    }


def test_samples_of_several_processes_are_one_sample():
    assert distribution([(3.0, 1.0), (), (2.0,)], [(1, 5), (), (2,)]) == distribution([[3.0, 1, 1, 1, 1, 1, 2, 2]])
