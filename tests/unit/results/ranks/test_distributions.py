"""Percentiles of pooled samples are those of `core.metrics.distribution`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.collect.latency import distribution
from llenergymeasure.results.ranks.distributions import pooled

MILLISECONDS = st.floats(0.001, 1e6)
WEIGHTED = st.lists(st.lists(st.tuples(MILLISECONDS, st.integers(1, 40)), max_size=6), min_size=1, max_size=4)


def numbers(found):
    values = found.model_dump().items()
    return {name: value if value is None else pytest.approx(value, rel=1e-6, abs=1e-6) for name, value in values}


@given(st.lists(st.lists(MILLISECONDS, max_size=8), min_size=1, max_size=4).filter(any))
def test_samples_of_several_processes_are_one_sample(samples):
    whole = [value for sample in samples for value in sample]
    assert pooled(samples).model_dump() == numbers(distribution(whole))


@given(WEIGHTED.filter(any))
def test_weights_count_values_several_times(samples):
    values = [[value for value, _ in sample] for sample in samples]
    weights = [[weight for _, weight in sample] for sample in samples]
    whole = [(value, weight) for sample in samples for value, weight in sample]
    assert pooled(values, weights).model_dump() == numbers(distribution(*map(list, zip(*whole))))


def test_one_value_has_no_spread_and_none_has_nothing():
    assert pooled([(5.0,)]).std_ms is None
    assert pooled([(), ()]) is None
