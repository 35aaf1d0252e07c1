"""The errors of a load."""

from __future__ import annotations

import pytest

from llenergymeasure.core.backends.server.client.asked import Answer, Failure
from llenergymeasure.core.backends.server.traffic.faults import dead, unanswered
from llenergymeasure.core.backends.server.traffic.request_log import RequestLog

URL = "http://127.0.0.1:8000/v1"
LOST = Answer(0, 0.0, 0.0, 1.0, failure=Failure("reset", "connection lost"))


def test_requests_without_an_answer_are_counted_by_kind():
    error = str(unanswered(URL, [LOST, LOST]))
    assert error == f"all 2 requests to {URL} failed: reset: 2 (connection lost); look at the output of the server"


def test_a_server_that_ended_between_two_requests_has_lost_none():
    log = RequestLog()
    log.is_gone = True
    error = str(dead(URL, log, "the server ended with exit code 3"))
    assert error == f"before the first answer from {URL}, the server ended with exit code 3"


def test_the_end_of_a_server_is_said_once_with_what_became_of_its_requests():
    log = RequestLog()
    for number, failure in enumerate((None, LOST.failure)):
        log.begin()
        log.end(number, Answer(0, 0.0, 0.0, 1.0, failure=failure))
    log.is_gone = True
    assert str(dead(URL, log, "the server was killed by signal 9 (SIGKILL)")) == (
        f"after 1 answer from {URL} and failed requests (reset: 1 (connection lost)), the server was killed by signal 9 (SIGKILL)"
    )


def test_a_server_that_has_ended_is_the_reason_for_its_requests():
    error = str(unanswered(URL, [LOST], why="the server ended with exit code 3"))
    assert error == f"the request to {URL} failed: reset: 1 (connection lost); the server ended with exit code 3"


@pytest.mark.parametrize("kind", ["status_4xx", "malformed_http", "unreachable", "no_tokens"])
def test_requests_that_would_fail_alone_too_say_nothing_about_the_load(kind):
    wrong = Answer(0, 0.0, 0.0, 1.0, failure=Failure(kind, "wrong"))
    assert unanswered(URL, [wrong, wrong]).failure_kind == "error"
    assert unanswered(URL, [wrong, LOST]).failure_kind == "unanswered"


def test_a_server_that_answers_nothing_is_another_failure_than_one_that_has_ended():
    silent, gone = RequestLog(), RequestLog()
    silent.is_hanging = gone.is_gone = True
    assert unanswered(URL, [LOST]).failure_kind == "unanswered"
    assert dead(URL, silent, None).failure_kind == "unanswered"
    assert dead(URL, gone, "it ended with exit code 3").failure_kind == "error"


def test_a_request_that_took_too_long_has_the_setting_of_its_time_limit():
    slow = Answer(0, 0.0, 0.0, 5.0, failure=Failure("timeout", "no complete answer within 5 s"))
    assert "; raise server.request_timeout_seconds if it was still working; look at" in str(unanswered(URL, [slow]))
    assert "request_timeout_seconds" not in str(unanswered(URL, [LOST]))
