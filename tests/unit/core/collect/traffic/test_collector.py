"""The block `traffic`, by hand; the requests are drawn in `a_traffic_window`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from a_traffic_window import B, C, D, answered, failed, run_of, traffic_window
from llenergymeasure.core.collect.traffic.collector import TrafficCollector
from llenergymeasure.core.collect.traffic.failures import failures_by_kind
from llenergymeasure.domain.traffic.result import FailureCount
from llenergymeasure.domain.traffic.text import failures_text
from llenergymeasure.protocols import Window
from llenergymeasure.records import RunRecords


def collected(*runs, **fields):
    return TrafficCollector().collect(traffic_window(*runs, **fields))


def test_another_engine_has_no_traffic():
    window = traffic_window()
    assert TrafficCollector().collect(Window(10.0, 20.0, 0.0, (RunRecords((B,)),), window.config, engine=None)) is None


def test_the_requests_of_the_window_are_counted():
    found = collected()
    assert (found.sent, found.answered, found.failed) == (3, 2, 1)
    assert found.achieved_rate == pytest.approx(0.3)
    assert found.failures == (FailureCount(kind="reset", count=1, example="connection reset"),)
    assert (found.in_flight_start, found.in_flight_end) == (1, 1)


def test_the_load_is_that_of_the_configuration():
    found = collected()
    assert (found.mode, found.concurrency, found.rate, found.window) == ("concurrency", 1, None, "steady_state")
    found = collected(traffic={"mode": "poisson", "rate": 4, "window": "total"})
    assert (found.mode, found.concurrency, found.rate, found.window) == ("poisson", None, 4.0, "total")


def test_the_client_reports_on_itself():
    found = collected()
    assert found.lag.max_ms == pytest.approx(10)  # C
    assert found.lag.count == 3
    assert found.client_cpu_share == pytest.approx(0.1)
    assert (found.ramp_up_seconds, found.drain_seconds) == (2.0, 1.0)


def test_the_second_token_and_the_inner_intervals():
    found = collected()
    assert (found.second_token.min_ms, found.second_token.max_ms) == pytest.approx((1500, 2000))  # C, B
    assert (found.itl_inner.count, found.itl_inner.mean_ms) == (1, pytest.approx(1000))  # the middle one of C


def test_requests_of_one_token_have_neither():
    found = collected(run_of((answered(0, 11.0, 12.0),)))
    assert (found.second_token, found.itl_inner) == (None, None)


def test_a_second_token_in_the_first_event_arrives_with_it():
    assert collected(run_of((answered(0, 11.0, 12.0, 13.0, counts=(2, 3)),))).second_token.p50_ms == pytest.approx(1000)


def test_several_runs_are_one_window():
    first = run_of((replace(B, cached_tokens=3),), end_s=15.0, dropped_events=1)
    second = run_of((replace(C, cached_tokens=4),), start_s=15.0)
    found = collected(first, second)
    assert (found.sent, found.answered, found.cached_tokens, found.dropped_events) == (2, 2, 7, 1)
    assert found.client_cpu_share == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("here", "counted_by", "number"), [((), "server", 0), ((B,), "server", 1), ((B, C), "tokenizer", 2)]
)
def test_the_answers_that_were_counted_here_are_known(here, counted_by, number):
    found = collected(run_of([replace(one, counted_here=one in here) for one in (B, C)], (D,)))
    assert (found.counted_by, found.counted_here) == (counted_by, number)


def test_failures_are_counted_by_kind_most_frequent_first():
    several = [
        failed(0, 11.0, 12.0, "timeout", message="no event for 5 s"),
        failed(1, 12.0, 13.0, "refused", message="refused A"),
        failed(2, 13.0, 14.0, "refused", message="refused B"),
    ]
    assert failures_text(failures_by_kind(several)) == "2 x refused (refused A), 1 x timeout (no event for 5 s)"


def test_output_that_nothing_counts_is_named():
    cut_off = failed(3, 12.0, 14.0, uncounted_times_s=(13.0, 13.5))
    found = collected(run_of((answered(0, 11.0, 12.0, counts=(4,), n_events=1),), (cut_off,)))
    assert (found.uncounted_requests, found.uncounted_events, found.uncounted_tokens) == (1, 2, 8)
    found = collected()
    assert (found.uncounted_requests, found.uncounted_events, found.uncounted_tokens) == (0, 0, 0)


def test_fewer_tokens_than_events_are_named():
    assert collected().fewer_tokens_than_events == 0
    assert collected(run_of((answered(0, 11.0, 12.0, n_events=2), B))).fewer_tokens_than_events == 1


def test_limits_give_a_goodput():
    found = collected(
        slo={"ttft_p99_ms": 1001, "itl_p99_ms": 995}
    ).slo  # the p99 of the intervals of B is 1,000 ms, of C 990
    assert (found.good, found.good_share) == (1, pytest.approx(1 / 3))
    assert collected().slo is None
