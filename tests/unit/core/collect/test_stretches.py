"""The tokens of a window under traffic, by hand; the requests are drawn in `a_traffic_window`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a_traffic_window import END_S, START_S, A, B, C, D, E, answered, failed, run_of, traffic_window
from llenergymeasure.core.collect.latency import LatencyCollector, PhaseCollector, TokenCollector
from llenergymeasure.core.collect.stretches import cached_tokens_of, in_flight, stretches_of, tokens_of


def test_all_tokens_of_the_window_count_whenever_their_request_was_sent():
    # 2 of A, 3 of B, 2 of C, 2 of D that failed later, none of E
    assert tokens_of(traffic_window())[1] == 9


def test_input_tokens_count_where_the_first_token_lies():
    # B and C; the first token of A was before the window, that of E after it
    assert tokens_of(traffic_window())[0] == 5 + 7


def test_tokens_of_a_failed_request_count_also_where_it_was_sent_before_the_window():
    early = failed(0, 8.0, 12.0, times_s=(9.0, 11.0), counts=(1, 3), input_tokens=4)
    assert tokens_of(traffic_window(run_of((B,), other_failures=(early,)))) == (5, 3 + 2)


def test_input_tokens_of_a_failed_request_count_with_its_first_token():
    counted = failed(3, 12.0, 14.0, times_s=(13.0,), counts=(1,), input_tokens=4)
    uncounted = failed(4, 12.0, 14.0, uncounted_times_s=(13.0,), input_tokens=6)
    unknown, silent = failed(5, 12.0, 14.0, times_s=(13.0,), counts=(1,)), failed(6, 12.0, 14.0, input_tokens=8)
    assert tokens_of(traffic_window(run_of((B,), (counted, uncounted, unknown, silent))))[0] == 5 + 4 + 6


def test_cached_tokens_are_those_of_the_requests_whose_input_tokens_count():
    """Four requests are sent in an overloaded window, and one of them has its first token there."""
    sent = [answered(index, 11.0, first_s, input_tokens=100, cached_tokens=20) for index, first_s in
            enumerate((19.0, 21.0, 22.0, 23.0))]  # fmt: skip
    before = answered(0, 8.0, 10.5, 11.0, input_tokens=100, cached_tokens=30)
    cut_off = failed(3, 12.0, 14.0, times_s=(13.0,), counts=(1,), input_tokens=100, cached_tokens=50)
    window = traffic_window(run_of(sent))
    assert (tokens_of(window)[0], cached_tokens_of(window)) == (100, 20)
    window = traffic_window(run_of(sent, (cut_off,), (before,)))
    assert (tokens_of(window)[0], cached_tokens_of(window)) == (300, 100)


def test_cached_tokens_are_unknown_where_no_such_request_reports_them():
    assert cached_tokens_of(traffic_window()) is None
    assert cached_tokens_of(traffic_window(run_of((B, replace(C, cached_tokens=0))))) == 0
    after = answered(0, 11.0, 21.0, cached_tokens=5)
    assert cached_tokens_of(traffic_window(run_of((B, after)))) is None


def test_tokens_of_an_event_count_at_its_time():
    one = answered(0, 11.0, 12.0, 19.0, 21.0, counts=(4, 8, 10))
    assert tokens_of(traffic_window(run_of((one,))))[1] == 8


def test_tokens_without_a_time_were_there_at_the_end_of_their_request():
    inside = answered(0, 11.0, 12.0, output_tokens=3, finished_s=13.0)  # its last two had no event
    after = answered(1, 11.0, 12.0, output_tokens=3, finished_s=21.0)
    assert tokens_of(traffic_window(run_of((inside,))))[1] == 3
    assert tokens_of(traffic_window(run_of((after,))))[1] == 1


def test_a_request_without_times_of_tokens_counts_at_its_end():
    silent = answered(0, 11.0, 12.0, token_times_s=(), token_counts=(), first_token_s=None, output_tokens=2)
    assert tokens_of(traffic_window(run_of((silent,)))) == (5, 2)


def test_a_token_at_the_end_of_the_window_counts_and_one_at_its_start_does_not():
    edges = answered(0, 9.0, START_S, END_S)
    assert tokens_of(traffic_window(run_of((B,), others=(edges,))))[1] == 3 + 1


def test_two_runs_count_each_token_once():
    # at 15 s a second run begins: B and D are of the first, C of the second; A and E are beside both
    first = run_of((B,), (D,), (A,), end_s=15.0)
    second = run_of((C,), (), (E,), start_s=15.0)
    window = traffic_window(first, second)
    assert tokens_of(window) == tokens_of(traffic_window())
    assert [one.output_tokens() for one in stretches_of(window)] == [7, 2]


def test_a_request_of_the_first_run_has_tokens_in_the_second():
    long = answered(1, 14.0, 14.5, 15.5, 16.5)
    window = traffic_window(run_of((long,), end_s=15.0), run_of((C,), others=(long,), start_s=15.0))
    assert [one.output_tokens() for one in stretches_of(window)] == [1, 2 + 2]
    assert [one.input_tokens() for one in stretches_of(window)] == [5, 7]


def test_tokens_between_the_last_run_and_the_edge_of_the_window_count():
    assert tokens_of(traffic_window(run_of((B,), end_s=13.4)))[1] == 3


@given(
    times=st.lists(st.floats(0, 30), min_size=1, max_size=12).map(sorted),
    cuts=st.lists(st.floats(START_S, END_S), max_size=3).map(sorted),
)
def test_the_runs_of_a_window_share_its_tokens(times, cuts):
    one = answered(0, -1.0, *times)
    edges = [START_S, *cuts, END_S]
    runs = [run_of((), others=(one,), start_s=a, end_s=b) for a, b in zip(edges, edges[1:])]
    assert tokens_of(traffic_window(*runs))[1] == sum(START_S < time_s <= END_S for time_s in times)


def test_requests_in_flight_at_the_edges():
    (stretch,) = stretches_of(traffic_window())
    assert (in_flight(stretch, START_S), in_flight(stretch, END_S)) == (1, 1)  # A, C
    assert in_flight(stretch, 13.2) == 2  # B and D, which had not failed yet


def test_a_request_is_in_flight_until_it_fails():
    early = failed(0, 8.0, 12.0)
    (stretch,) = stretches_of(traffic_window(run_of((B,), other_failures=(early,))))
    assert (in_flight(stretch, START_S), in_flight(stretch, 11.0), in_flight(stretch, 13.0)) == (1, 2, 1)


def test_latencies_are_those_of_requests_sent_in_the_window_also_where_they_end_after_it():
    found = LatencyCollector().collect(traffic_window())
    assert found.request_ms == pytest.approx((3000, 3000))  # B and C, in the order of sending
    assert found.ttft_ms == pytest.approx((1000, 1000))
    assert sorted(found.itl_ms) == pytest.approx([500, 500, 1000, 1000, 1000])
    assert set(found.itl_weights) == {1}
    assert found.queue is None  # the server does not report it; lateness of the client is `traffic.lag`


def test_samples_are_in_the_order_of_sending():
    late, early = answered(0, 15.0, 16.0), answered(5, 11.0, 13.0)
    assert LatencyCollector().collect(traffic_window(run_of((late, early)))).request_ms == pytest.approx((2000, 1000))


def test_the_counts_of_tokens_are_those_of_the_window_and_the_prompts_those_that_were_answered():
    found = TokenCollector().collect(traffic_window())
    assert (found.n_prompts, found.n_passes, found.input_tokens, found.output_tokens) == (2, 1, 12, 9)
    assert (found.output_tokens_per_prompt, found.ended_early_share) == ((3, 4), 0.5)
    assert (found.output_tokens_requested, found.input_tokens_padded) == (8, None)


def test_a_server_has_no_phases():
    assert PhaseCollector().collect(traffic_window()) is None
