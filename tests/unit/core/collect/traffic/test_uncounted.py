"""The output that is missing in the numbers of tokens, by hand."""

from __future__ import annotations

from dataclasses import replace

from a_traffic_window import B, C, answered, failed, run_of, traffic_window
from llenergymeasure.core.collect.stretches import stretches_of
from llenergymeasure.core.collect.traffic.uncounted import Uncounted, uncounted_in, with_fewer_tokens_than_events

# Two texts in the window from 10 to 20 s, and one before it.
CUT_OFF = failed(3, 9.0, 14.0, uncounted_times_s=(9.5, 12.0, 13.0))
# 3 tokens in one event.
THREE_AT_ONCE = answered(1, 11.0, 12.0, counts=(3,), n_events=1)


def uncounted(*runs, requests=(B, C)):
    return uncounted_in(stretches_of(traffic_window(*runs)), requests)


def test_every_token_that_is_counted_leaves_none():
    assert uncounted() == Uncounted(0, 0, 0)


def test_texts_of_failed_requests_are_counted_where_they_lie_in_the_window():
    assert uncounted(run_of((B, C), (CUT_OFF,))) == Uncounted(1, 2, 2)
    assert uncounted(run_of((B, C), (CUT_OFF, replace(CUT_OFF, sent_s=9.1)))) == Uncounted(2, 4, 4)


def test_requests_that_were_sent_before_the_window_count_too():
    assert uncounted(run_of((B, C), other_failures=(CUT_OFF,))) == Uncounted(1, 2, 2)


def test_a_text_of_a_request_in_two_runs_counts_once():
    first = run_of((B,), (CUT_OFF,), end_s=12.5)
    second = run_of((C,), other_failures=(CUT_OFF,), start_s=12.5)
    assert uncounted(first, second) == Uncounted(1, 2, 2)


def test_an_event_brings_as_many_tokens_as_in_the_answered_requests():
    records = run_of((THREE_AT_ONCE,), (CUT_OFF,))
    assert uncounted(records, requests=(THREE_AT_ONCE,)) == Uncounted(1, 2, 6)
    mixed = (THREE_AT_ONCE, replace(B, n_events=2))  # 6 tokens in 3 events
    assert uncounted(records, requests=mixed) == Uncounted(1, 2, 4)


def test_fewer_tokens_than_events_are_found_by_request():
    as_many, fewer = replace(B, n_events=3), replace(B, n_events=4)
    assert with_fewer_tokens_than_events((B, THREE_AT_ONCE, as_many)) == 0
    assert with_fewer_tokens_than_events((as_many, fewer, fewer)) == 2
    assert with_fewer_tokens_than_events((fewer, replace(fewer, counted_here=True))) == 1
