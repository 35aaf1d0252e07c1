"""Whether requests keep limits, by hand."""

from __future__ import annotations

import pytest

from a_traffic_window import answered, run_of, traffic_window
from llenergymeasure.config.traffic import SLOConfig
from llenergymeasure.core.collect.latency import LatencyCollector
from llenergymeasure.core.collect.traffic.slo import is_good, slo_of

# 1,000 ms until the first token, then 100 and 300 ms, 1,400 ms in all. The p99 of its two intervals is 298 ms.
ONE = answered(0, 10.0, 11.0, 11.1, 11.4)


@pytest.mark.parametrize(
    ("limits", "good"),
    [
        ({"ttft_p99_ms": 1000.001}, True),
        ({"ttft_p99_ms": 999.999}, False),
        ({"itl_p99_ms": 298.001}, True),
        ({"itl_p99_ms": 297.999}, False),
        ({"e2e_p99_ms": 1400.001}, True),
        ({"e2e_p99_ms": 1399.999}, False),
        ({"ttft_p99_ms": 1001, "itl_p99_ms": 299, "e2e_p99_ms": 1401}, True),
        ({"ttft_p99_ms": 1001, "itl_p99_ms": 200, "e2e_p99_ms": 1401}, False),
    ],
)
def test_a_request_is_good_when_it_keeps_every_limit(limits, good):
    assert is_good(ONE, SLOConfig(**limits)) is good


def test_one_token_has_no_interval_to_be_late():
    assert is_good(answered(0, 10.0, 11.0), SLOConfig(itl_p99_ms=1))


def test_tokens_of_one_event_have_no_interval_to_be_late():
    assert is_good(answered(0, 10.0, 11.0, counts=(8,)), SLOConfig(itl_p99_ms=1))


def test_a_latency_that_is_not_known_keeps_no_limit():
    silent = answered(0, 10.0, 11.0, token_times_s=(), token_counts=(), first_token_s=None, output_tokens=2)
    assert not is_good(silent, SLOConfig(ttft_p99_ms=1e9))
    assert is_good(silent, SLOConfig(e2e_p99_ms=1001))


def judged(requests, failed, **limits):
    window = traffic_window(run_of(requests))
    return slo_of(SLOConfig(**limits), requests, failed, LatencyCollector().collect(window))


@pytest.mark.parametrize("counts", [(1,), (8,)])
def test_without_an_interval_between_tokens_the_limit_of_the_inter_token_latency_is_kept(counts):
    """As with one output token per request, or behind a proxy that delivers each answer in one piece."""
    many = tuple(answered(0, 10.0, 11.0, counts=counts) for _ in range(100))
    found = judged(many, 1, itl_p99_ms=1)
    assert (found.good, found.kept, found.judged_ms) == (100, True, {"itl_p99_ms": None})
    assert not judged(many, 2, itl_p99_ms=1).kept
    assert not judged(many, 0, itl_p99_ms=1, ttft_p99_ms=999).kept


def test_failed_requests_are_not_good():
    found = judged((ONE, ONE, answered(1, 12.0, 15.0)), 1, ttft_p99_ms=2000)
    assert (found.good, found.good_share, found.kept) == (2, 0.5, False)
    assert (found.ttft_p99_ms, found.itl_p99_ms, found.e2e_p99_ms) == (2000, None, None)


def test_the_limits_are_kept_by_the_p99_of_all_requests():
    # of 201 requests one is late: the p99 (199th of them, at 0.99 x 200 = 198) is that of the others
    many = tuple(answered(0, 10.0, 11.0) for _ in range(200))
    assert judged((*many, answered(0, 10.0, 15.0)), 0, ttft_p99_ms=1001).kept
    three = tuple(answered(0, 10.0, 15.0) for _ in range(3))
    assert not judged((*many, *three), 0, ttft_p99_ms=1001).kept


def test_the_judged_p99_of_each_limit_is_kept():
    many = tuple(answered(0, 10.0, 11.0) for _ in range(50))
    assert judged(many, 0, ttft_p99_ms=900, e2e_p99_ms=2000).judged_ms == pytest.approx(
        {"ttft_p99_ms": 1000, "e2e_p99_ms": 1000}
    )
    assert judged(many, 5, ttft_p99_ms=2000).judged_ms == {"ttft_p99_ms": None}  # that of a failed request


def test_a_failed_request_does_not_improve_the_p99():
    """Of 200 requests two are late, and the p99 is 1,040 ms. With two more that failed, it is that of a late one."""
    many, late = tuple(answered(0, 10.0, 11.0) for _ in range(198)), answered(0, 10.0, 15.0)
    assert judged((*many, late, late), 0, ttft_p99_ms=1200).kept
    assert not judged((*many, late, late), 2, ttft_p99_ms=1200).kept
    assert not judged((*many, late, late), 2, e2e_p99_ms=1200).kept


@pytest.mark.parametrize(("failed", "kept"), [(0, True), (1, True), (2, False)])
def test_the_limits_are_not_kept_when_more_than_one_in_a_hundred_failed(failed, kept):
    many = tuple(answered(0, 10.0, 11.0) for _ in range(99))
    assert judged(many, failed, ttft_p99_ms=1001).kept is kept
