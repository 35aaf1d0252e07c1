"""Intervals of prefill and of decode, of requests that overlap."""

from __future__ import annotations

import pytest

from llenergymeasure.core.collect.intervals import decodes_of, outside, prefills_of, union
from llenergymeasure.records import RequestRecord


def request(scheduled_s, first_s, finished_s, **fields):
    return RequestRecord(0, 4, 3, scheduled_s, finished_s, first_token_s=first_s, **fields)


def test_intervals_that_overlap_are_one_and_those_that_touch_are_two():
    assert union([(4, 5), (0, 2), (1, 3), (3, 4)]) == [(0, 3), (3, 4), (4, 5)]


@pytest.mark.parametrize(
    ("intervals", "holes", "left"),
    [
        ([(0, 10)], [], [(0, 10)]),
        ([(0, 10)], [(2, 3), (5, 6)], [(0, 2), (3, 5), (6, 10)]),
        ([(0, 10)], [(0, 3), (8, 12)], [(3, 8)]),
        ([(0, 2), (4, 6)], [(1, 5)], [(0, 1), (5, 6)]),
        ([(0, 2), (4, 6)], [(-1, 7)], []),
        ([(1, 2), (3, 9)], [(0, 1), (2, 3), (4, 5), (9, 10)], [(1, 2), (3, 4), (5, 9)]),
    ],
)
def test_holes_are_cut_out(intervals, holes, left):
    assert list(outside(intervals, holes)) == left


def test_a_moment_in_which_one_request_is_in_prefill_is_prefill():
    requests = [request(0.0, 1.0, 5.0), request(0.5, 2.0, 6.0), request(3.0, 4.0, 4.5)]
    prefills = prefills_of(requests)
    assert prefills == [(0.0, 2.0), (3.0, 4.0)]
    assert decodes_of(requests, prefills) == [(2.0, 3.0), (4.0, 6.0)]


def test_decode_ends_with_the_last_step_where_the_answer_is_known_later():
    beams = request(0.0, 1.0, 5.0, token_times_s=(1.0, 2.0, 3.0), token_counts=(1, 2, 3))
    assert decodes_of([beams], prefills_of([beams])) == [(1.0, 3.0)]


def test_without_the_time_of_a_first_token_there_are_no_phases():
    assert prefills_of([request(0.0, 1.0, 5.0), request(0.5, None, 6.0)]) is None
