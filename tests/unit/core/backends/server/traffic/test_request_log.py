"""Whether a server still answers, from what became of its requests."""

from __future__ import annotations

import pytest

from llenergymeasure.core.backends.server.client.asked import Answer, Failure
from llenergymeasure.core.backends.server.traffic.faults import dead
from llenergymeasure.core.backends.server.traffic.request_log import GONE_AFTER, REFUSED_S, RequestLog


def ended(sent_s, finished_s, kind=None):
    return Answer(0, sent_s, sent_s, finished_s, failure=None if kind is None else Failure(kind, kind))


def log_of(*answers, before=None):
    log = RequestLog(before)
    numbers = [log.begin() for _ in answers]
    for number, answer in zip(numbers, answers):
        log.end(number, answer)
    return log


def test_it_counts_what_was_begun_has_ended_and_was_answered():
    log = RequestLog()
    assert [log.begin() for _ in range(3)] == [0, 1, 2]
    log.end(1, ended(1, 2))
    log.end(0, ended(1, 3, "reset"))
    assert (log.begun, log.ended, log.answered, log.in_flight) == (3, 2, 1, {2})
    assert not log.is_dead


@pytest.mark.parametrize("kind", ["refused", "unreachable", "reset"])
def test_a_server_is_gone_when_new_requests_find_no_connection(kind):
    lost = [ended(second, second + 0.5, kind) for second in range(GONE_AFTER + 1)]
    assert log_of(*lost).is_gone
    assert not log_of(*lost[:-1]).is_gone


@pytest.mark.parametrize("kind", [None, "status_429", "status_5xx", "timeout", "no_tokens"])
def test_a_server_that_says_anything_in_between_is_not_gone(kind):
    lost = [ended(second, second + 0.5, "refused") for second in range(GONE_AFTER)]
    assert not log_of(*lost, ended(20, 21, kind), *lost).is_gone


def test_the_requests_that_were_in_flight_when_the_server_ended_count_as_one():
    in_flight = [ended(0, 10, "reset") for _ in range(500)]
    assert not log_of(*in_flight).is_gone
    assert log_of(
        *in_flight, *(ended(second, second + 0.1, "refused") for second in range(10, 10 + GONE_AFTER))
    ).is_gone


@pytest.mark.parametrize("kind", ["refused", "unreachable"])
def test_at_a_low_rate_the_time_without_a_connection_decides(kind):
    first, near, late = (ended(sent_s, sent_s + 0.1, kind) for sent_s in (0, REFUSED_S - 1, REFUSED_S))
    assert not log_of(first, near).is_gone
    assert log_of(first, late).is_gone
    assert not log_of(first, ended(1, 2), late).is_gone


def test_long_answers_that_are_cut_off_one_after_the_other_come_from_a_server_that_runs():
    assert not log_of(*(ended(20 * number, 20 * number + 20, "reset") for number in range(GONE_AFTER))).is_gone


def test_the_time_without_a_connection_counts_from_the_first_refusal():
    assert not log_of(ended(0, 60, "reset"), ended(60, 60.1, "refused")).is_gone


def test_a_server_hangs_when_a_request_that_was_sent_after_a_timeout_times_out_too():
    assert log_of(ended(0, 600, "timeout"), ended(600, 1200, "timeout")).is_hanging
    assert log_of(ended(0, 1), ended(1, 601, "timeout"), ended(602, 1202, "timeout")).is_hanging


def test_one_request_that_times_out_does_not_show_that_the_server_hangs():
    """With one request in flight, none can be answered meanwhile."""
    assert not log_of(ended(0, 1), ended(1, 601, "timeout")).is_hanging


def test_requests_that_were_sent_before_a_timeout_had_ended_count_as_one():
    assert not log_of(ended(0, 600, "timeout"), ended(1, 601, "timeout"), ended(599, 1199, "timeout")).is_hanging


def test_a_server_that_answers_between_two_timeouts_does_not_hang():
    timeouts = ended(0, 600, "timeout"), ended(601, 1201, "timeout"), ended(1202, 1802, "timeout")
    assert not log_of(timeouts[0], ended(600, 601), timeouts[1]).is_hanging
    assert not log_of(timeouts[0], ended(600, 700), *timeouts[1:2], ended(1201, 1202), timeouts[2]).is_hanging


@pytest.mark.parametrize("n", [1, 4])
def test_lost_requests_are_counted_over_all_passes_of_a_window(n):
    lost = [ended(second / 2, second / 2 + 0.25, "refused") for second in range(GONE_AFTER + 1)]
    log = log_of(ended(-2, -1))
    while len(lost) > n:
        log = log_of(*lost[:n], before=log)
        lost = lost[n:]
        assert not log.is_dead
    assert log_of(*lost, before=log).is_gone
    assert not log_of(ended(20, 21), *lost, before=log).is_gone


def test_a_server_hangs_also_where_the_two_timeouts_are_of_two_passes():
    first = log_of(ended(0, 1), ended(1, 601, "timeout"))
    assert log_of(ended(601, 1201, "timeout"), before=first).is_hanging
    assert not log_of(ended(601, 602), ended(602, 1202, "timeout"), before=first).is_hanging


def test_the_error_of_a_later_pass_has_the_answers_and_failures_of_all():
    lost = [ended(second, second + 0.5, "refused") for second in range(GONE_AFTER + 1)]
    log = log_of(*lost[8:], before=log_of(*lost[:8], before=log_of(ended(-3, -2), ended(-2, -1))))
    assert (log.ended, log.is_gone) == (3, True)
    assert f"after 2 answers: refused: {GONE_AFTER + 1} (" in str(dead("http://127.0.0.1:8000/v1", log, None))


def test_requests_are_useless_when_no_connection_can_be_opened_any_more():
    log = log_of(ended(0, 1), ended(1, 2, "no_descriptor"))
    assert (log.is_dead, log.is_full, log.is_gone) == (True, True, False)
    assert "ulimit -n" in str(dead("http://127.0.0.1:8000/v1", log, None))
