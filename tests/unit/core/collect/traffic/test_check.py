"""Impossible records of traffic are refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from a_traffic_window import END_S, START_S, A, B, C, D, E, answered, failed, run_of
from llenergymeasure.core.collect.check_records import check_records
from llenergymeasure.core.collect.traffic.check import check_answered
from llenergymeasure.exceptions import BackendError, Unanswered
from llenergymeasure.records import RunRecords


@dataclass(frozen=True)
class Prompt:
    prompt_indices: tuple[int, ...]


BATCHES = [Prompt((index,)) for index in range(4)]


def check(records, inside_traffic=True):
    return check_records(records, BATCHES, START_S, END_S, inside_traffic=inside_traffic)


def test_possible_records_pass():
    records = run_of((B, C), (D,), (A, E))
    assert check(records) is records


def test_a_request_may_be_sent_right_after_the_run_in_which_it_was_due():
    check(run_of((answered(1, 20.1, 21.0, due_s=19.99),)))


def test_a_client_with_too_much_to_do_sends_late():
    """A request belongs to the run in which it was sent, and another one, which was due before, may be sent in it too."""
    check(run_of((answered(1, 12.0, 13.0, due_s=8.0),)))
    check(run_of((B, C), others=(answered(2, 11.0, 12.0, due_s=9.99),)))


def test_requests_at_the_very_end_of_a_run_may_belong_to_the_next():
    check(run_of((B,), others=(answered(2, 19.999, 21.0),)))


def test_prompts_may_be_sent_again_inside_the_traffic():
    check(run_of((B, C, answered(1, 15.0, 16.0))))


def test_a_window_with_the_whole_traffic_has_each_prompt_once():
    check(run_of((answered(0, 10.5, 11.0), B, C), (D,)), inside_traffic=False)
    with pytest.raises(BackendError, match="each of 4 prompts must be answered or have failed once: missing: 0"):
        check(run_of((B, C), (D,)), inside_traffic=False)


def with_traffic(records, **fields):
    return replace(records, traffic=replace(records.traffic, **fields))


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        (run_of((answered(9, 11.0, 12.0),)), "there are no prompts 9"),
        (run_of((B,), others=(replace(A, prompt_index=7),)), "there are no prompts 7"),
        (run_of((A,)), "a request was due at 8 s and sent at 8 s, outside the run"),
        (run_of((C,), others=(B,)), "is among the others"),
        (run_of((replace(B, first_token_s=10.0),)), "first_token_s is 10 s, before scheduled_s 10.5 s"),
        (run_of((replace(B, token_counts=(1, 2)),)), "token_times_s has 3 entries and token_counts 2"),
        (run_of((B,), others=(replace(A, output_tokens=-1),)), "output_tokens -1"),
        (with_traffic(run_of((B, C)), due_s=(10.5,)), "due_s has 1 entries and sent_s 2"),
        (with_traffic(run_of((B, C)), due_s=(17.99, 10.5)), "due_s are not in order"),
        (with_traffic(run_of((B, C)), due_s=(10.5, 18.5)), "a request was sent before it was due"),
        (with_traffic(run_of((B,)), end_s=30.0), "its times reach from 10 to 30 s"),
        (run_of((B,), (failed(3, 12.0, 11.0),)), "ended_s is 11 s, before sent_s 12 s"),
        (run_of((B,), (failed(3, 12.0, 14.0, times_s=(13.0,)),)), "token_times_s and token_counts have different lengths"),
        (run_of((B,), (failed(3, 12.0, 14.0, uncounted_times_s=(13.5, 13.0)),)), "uncounted_times_s are not in order"),
        (run_of((B,), (replace(D, uncounted_times_s=(13.0,)),)), "there are both token_times_s and uncounted_times_s"),
        (run_of((B,), other_failures=(failed(3, 9.0, 8.0),)), "ended_s is 8 s, before sent_s 9 s"),
        (run_of((B,), other_failures=(failed(9, 9.0, 12.0),)), "there are no prompts 9"),
    ],
)  # fmt: skip
def test_impossible_records_are_refused(records, problem):
    with pytest.raises(BackendError, match=problem):
        check(records)


def test_without_an_answer_the_error_has_the_failures_by_kind():
    several = [failed(index, 11.0, 12.0, "refused", message="connection refused") for index in range(3)]
    with pytest.raises(Unanswered, match=r"no request of the window was answered: 3 x refused \(connection refused\)"):
        check_answered([run_of((), several)])


def test_a_pass_without_an_answer_is_possible_where_another_has_one():
    broken, silent = run_of((), (failed(0, 11.0, 12.0),)), run_of((), others=(A,))
    check(broken)
    check_answered([broken, run_of((B,)), silent])
    with pytest.raises(BackendError, match=r"no request of the window was answered: 2 x reset"):
        check_answered([broken, silent, broken])


def test_other_engines_need_no_answer():
    check_answered([])
    check_answered([RunRecords(())])


def test_failures_that_no_load_causes_are_no_sign_of_one():
    several = [failed(index, 11.0, 12.0, "status_4xx", message="no such model") for index in range(3)]
    with pytest.raises(BackendError, match="3 x status_4xx") as raised:
        check_answered([run_of((), several)])
    assert raised.value.failure_kind == "error"


def test_without_any_count_the_error_says_how_to_count():
    """The server answered: it does not report how many tokens its answers have."""
    several = [
        failed(index, 11.0, 12.0, "no_usage", message="nothing counts it; name a tokenizer") for index in range(3)
    ]
    with pytest.raises(BackendError, match=r"^nothing counts it; name a tokenizer$") as raised:
        check_answered([run_of((), several)])
    assert raised.value.failure_kind == "error"
    with pytest.raises(BackendError, match=r"2 x refused .*, 1 x no_usage "):
        check_answered([run_of((), [*several[:1], *[failed(0, 11.0, 12.0, "refused")] * 2])])


def test_without_a_request_the_error_says_what_to_change():
    with pytest.raises(BackendError, match="no request was sent in the window; raise n"):
        check_answered([run_of((), others=(A,))])
