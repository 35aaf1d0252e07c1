"""Trying again what can pass."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from llenergymeasure.resilience import is_transient, retry


class HttpError(Exception):
    def __init__(self, status):
        self.response = SimpleNamespace(status_code=status)


class ReadTimeout(Exception):
    pass


def failing(times, error):
    calls = []

    def call():
        calls.append(1)
        if len(calls) <= times:
            raise error
        return len(calls)

    return call


@pytest.mark.parametrize(
    "error", [ConnectionResetError(), TimeoutError(), HttpError(503), HttpError(429), ReadTimeout()]
)
def test_a_temporary_failure_is_retried(error):
    assert retry(failing(2, error), sleep=lambda seconds: None) == 3


@pytest.mark.parametrize("error", [ValueError("n"), FileNotFoundError(), HttpError(404), HttpError(401), KeyError("x")])
def test_a_permanent_failure_is_raised_at_once(error):
    pauses = []
    with pytest.raises(type(error)):
        retry(failing(1, error), sleep=pauses.append)
    assert pauses == []


def test_pauses_grow_to_their_limit():
    pauses = []
    retry(failing(5, TimeoutError()), attempts=6, max_delay_s=5.0, sleep=pauses.append, jitter=lambda: 0.0)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_pauses_are_shortened_by_up_to_a_quarter_so_that_machines_do_not_return_at_once():
    pauses = []
    retry(failing(1, TimeoutError()), first_delay_s=4.0, sleep=pauses.append, jitter=lambda: 1.0)
    assert pauses == [3.0]


def test_the_last_failure_is_raised():
    with pytest.raises(TimeoutError):
        retry(failing(9, TimeoutError()), attempts=3, sleep=lambda seconds: None)


def test_a_passing_cause_behind_a_library_s_error_counts():
    error = RuntimeError("download failed")
    error.__cause__ = ConnectionError()
    assert is_transient(error)
