"""Tokens, latencies and percentiles, by hand."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.collect.latency import distribution, inter_token_latencies_ms, request_latencies_ms
from llenergymeasure.protocols import BatchRecord


def record(lengths=(3, 2), times=(1.1, 1.2, 1.4), tokens=(1, 2, 3)) -> BatchRecord:
    return BatchRecord(
        prompt_indices=tuple(range(len(lengths))),
        input_lengths=(5,) * len(lengths),
        padded_length=5,
        output_ids=tuple(tuple(range(length)) for length in lengths),
        started_s=1.0,
        finished_s=1.5,
        step_times_s=times,
        step_tokens=tokens,
    )


def test_a_request_ends_with_its_own_last_token():
    assert list(request_latencies_ms(record())) == [(0, pytest.approx(400)), (1, pytest.approx(200))]


def test_without_steps_a_request_ends_with_its_batch():
    assert [ms for _, ms in request_latencies_ms(record(times=(), tokens=()))] == [pytest.approx(500)] * 2


def test_under_beam_search_a_request_ends_with_its_batch():
    assert [ms for _, ms in request_latencies_ms(record(), beams=True)] == [pytest.approx(500)] * 2


def test_a_gap_counts_once_per_running_request():
    assert list(inter_token_latencies_ms(record())) == [(pytest.approx(100), 2), (pytest.approx(200), 1)]


def test_a_step_of_several_tokens_spreads_its_time():
    gaps = list(inter_token_latencies_ms(record(lengths=(5,), times=(1.1, 1.4), tokens=(1, 4))))
    assert gaps == [(pytest.approx(100), 3)]


def test_tokens_past_the_end_of_a_request_do_not_count():
    gaps = list(inter_token_latencies_ms(record(lengths=(2,), times=(1.1, 1.4), tokens=(1, 4))))
    assert gaps == [(pytest.approx(100), 1)]


def test_one_token_has_no_gap():
    assert list(inter_token_latencies_ms(record(lengths=(1,), times=(1.1,), tokens=(1,)))) == []


def test_percentiles_interpolate_between_order_statistics():
    spread = distribution([4.0, 1.0, 3.0, 2.0])
    assert (spread.min_ms, spread.p50_ms, spread.max_ms, spread.mean_ms) == (1.0, 2.5, 4.0, 2.5)
    assert spread.p90_ms == pytest.approx(3.7)


def test_one_sample_has_no_spread():
    spread = distribution([7.0])
    assert (spread.p99_ms, spread.std_ms) == (7.0, None)


@given(st.lists(st.tuples(st.floats(0.1, 1e4), st.integers(1, 4)), min_size=2, max_size=30))
def test_weights_are_repetitions(pairs):
    weighted = distribution([value for value, _ in pairs], [weight for _, weight in pairs])
    plain = distribution([value for value, weight in pairs for _ in range(weight)])
    for name in type(plain).model_fields:
        assert getattr(weighted, name) == pytest.approx(getattr(plain, name), rel=1e-9, abs=1e-6), name


@given(st.lists(st.floats(0.1, 1e4), min_size=2, max_size=50))
def test_the_median_is_the_median(values):
    spread = distribution(values)
    assert spread.p50_ms == pytest.approx(statistics.median(values))
    assert spread.std_ms == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-6)
