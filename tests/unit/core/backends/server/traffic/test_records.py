"""The records of a stretch, from the answers to its requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from canned_server import canned_server
from fake_server import CountingTokenizer
from llenergymeasure.core.backends.server.client.asked import Answer, Failure
from llenergymeasure.core.backends.server.questions import Questions
from llenergymeasure.core.backends.server.tokens.of_server import tokenizer_of_server
from llenergymeasure.core.backends.server.tokens.whole_texts import WholeTexts
from llenergymeasure.core.backends.server.traffic.load import Edge, Stretch
from llenergymeasure.core.backends.server.traffic.records import StretchOutput
from llenergymeasure.exceptions import BackendError

# Sent at 1 s; tokens at 2, 3 and 4 s. The server counts them.
REPORTED = Answer(
    prompt_index=0, due_s=0.5, sent_s=1.0, finished_s=4.5, event_times_s=(2.0, 3.0, 4.0), event_tokens=(1, 2, 3),
    texts=("a ", "b ", "c "), input_tokens=5, output_tokens=3, counted_by="server", counts_are_reported=True,
    cached_tokens=1, end="stop", dropped_events=2,
)  # fmt: skip
UNREPORTED = replace(
    REPORTED, input_tokens=None, output_tokens=None, counted_by=None, counts_are_reported=False, cached_tokens=None,
)  # fmt: skip
BROKEN = replace(UNREPORTED, failure=Failure("reset", "connection lost"), end=None)
# The server counts with each event.
RESET = replace(REPORTED, failure=Failure("reset", "connection lost"), end=None)


def records(answers, tokenizer=None, numbers=None, start_s=0.0, end_s=10.0):
    numbers = numbers or range(len(answers))
    before = frozenset(range(numbers.start))
    stretch = Stretch(numbers, Edge(start_s, 1.0, numbers.start, before), Edge(end_s, 1.25, len(answers), frozenset()))
    return StretchOutput(stretch, dict(enumerate(answers)), {0: 4}, tokenizer or CountingTokenizer()).records()


def test_an_answer_is_a_request_until_its_last_token():
    (request,) = records([REPORTED]).requests
    assert (request.queued_s, request.scheduled_s, request.first_token_s, request.finished_s) == (0.5, 1.0, 2.0, 4.0)
    assert (request.token_times_s, request.token_counts) == ((2.0, 3.0, 4.0), (1, 2, 3))
    assert (request.input_tokens, request.output_tokens, request.end) == (5, 3, "stop")
    assert request.output_ids is None


def test_the_traffic_sums_up_its_requests():
    found = records([REPORTED, REPORTED, BROKEN])
    traffic = found.traffic
    assert (traffic.start_s, traffic.end_s, traffic.client_cpu_s) == (0.0, 10.0, 0.25)
    assert (traffic.due_s, traffic.sent_s) == ((0.5,) * 3, (1.0,) * 3)
    assert traffic.dropped_events == 6
    assert not any(request.counted_here for request in found.requests)


def test_each_request_has_the_tokens_that_the_server_had_in_its_cache():
    found = records([REPORTED, UNREPORTED, RESET])
    assert [one.cached_tokens for one in (*found.requests, *found.traffic.failures)] == [1, None, 1]


def test_what_the_server_does_not_count_the_tokenizer_counts():
    found = records([UNREPORTED])
    (request,) = found.requests
    assert (request.input_tokens, request.output_tokens, request.token_counts) == (4, 3, (1, 2, 3))
    assert request.counted_here


def test_only_the_answers_that_the_server_does_not_count_are_counted_here():
    assert [one.counted_here for one in records([REPORTED, UNREPORTED, REPORTED]).requests] == [False, True, False]


def test_input_tokens_are_those_of_the_server_also_where_its_output_is_counted_here():
    zero = replace(UNREPORTED, input_tokens=6)  # as of a server that reports 0 output tokens beside text
    assert [one.input_tokens for one in records([zero]).requests] == [6]
    assert [one.input_tokens for one in records([UNREPORTED, REPORTED]).requests] == [5, 5]


def test_an_answer_that_nothing_counts_is_a_failed_request_with_its_fix():
    found = records([REPORTED, UNREPORTED], WholeTexts())
    assert [request.output_tokens for request in found.requests] == [3]
    (failed,) = found.traffic.failures
    assert (failed.kind, failed.sent_s, failed.ended_s) == ("no_usage", 1.0, 4.5)
    assert "name it in server.tokenizer" in failed.message
    assert (failed.token_counts, failed.uncounted_times_s) == ((), (2.0, 3.0, 4.0))


def test_an_answer_whose_input_nothing_counts_is_a_failed_request_too():
    (failed,) = records([replace(REPORTED, input_tokens=None)], WholeTexts()).traffic.failures
    assert (failed.kind, failed.token_counts, failed.input_tokens) == ("no_usage", (1, 2, 3), None)


def test_another_request_that_nothing_counts_is_no_failure_of_the_stretch():
    traffic = records([UNREPORTED, REPORTED], WholeTexts(), numbers=range(1, 2)).traffic
    assert (traffic.failures, traffic.others) == ((), ())
    assert [other.kind for other in traffic.other_failures] == ["no_usage"]


def test_a_failed_request_has_its_times_and_the_tokens_that_had_come():
    (failed,) = records([REPORTED, BROKEN]).traffic.failures
    assert (failed.kind, failed.message, failed.status) == ("reset", "connection lost", None)
    assert (failed.due_s, failed.sent_s, failed.ended_s) == (0.5, 1.0, 4.5)
    assert (failed.token_times_s, failed.token_counts) == ((2.0, 3.0, 4.0), (1, 2, 3))


def test_of_a_failed_request_that_nothing_counts_the_times_of_its_texts_are_known():
    (failed,) = records([REPORTED, BROKEN], WholeTexts()).traffic.failures
    assert failed.token_times_s == failed.token_counts == ()
    assert failed.uncounted_times_s == (2.0, 3.0, 4.0)


def test_what_is_counted_is_not_among_what_is_not():
    by_tokenizer, by_server = records([REPORTED, BROKEN, RESET]).traffic.failures
    assert by_tokenizer.token_counts == by_server.token_counts == (1, 2, 3)
    assert by_tokenizer.uncounted_times_s == by_server.uncounted_times_s == ()
    assert records([REPORTED, RESET], WholeTexts()).traffic.failures[0].uncounted_times_s == ()


def test_a_tokenizer_that_fails_ends_the_run_only_where_its_count_is_needed():
    """The server of a tokenizer may have ended after the window."""

    class Gone(CountingTokenizer):
        def output_lengths(self, texts):
            raise BackendError("the server did not reply to /tokenize")

    found = records([REPORTED, BROKEN], Gone())
    assert found.requests[0].output_tokens == REPORTED.output_tokens
    assert found.traffic.failures[0].uncounted_times_s == (2.0, 3.0, 4.0)
    with pytest.raises(BackendError, match="did not reply to /tokenize"):
        records([UNREPORTED], Gone())


def test_input_tokens_of_a_failed_request_are_those_of_another_answer_to_its_prompt_or_counted_here():
    assert records([REPORTED, BROKEN], WholeTexts()).traffic.failures[0].input_tokens == 5
    unreported = replace(REPORTED, input_tokens=None)
    assert records([unreported, BROKEN]).traffic.failures[0].input_tokens == 4


def test_tokens_counted_by_the_server_s_own_tokenizer_have_no_beginning_of_sequence():
    with canned_server({"/tokenize": (200, lambda sent: {"tokens": _numbers(sent)})}) as server:
        tokenizer = tokenizer_of_server("llama.cpp", Questions(server.url, {}), "m", None)
        found = records([UNREPORTED, BROKEN], tokenizer)
    assert (found.requests[0].output_tokens, found.requests[0].token_counts) == (3, (1, 2, 3))
    assert found.traffic.failures[0].token_counts == (1, 2, 3)


def _numbers(sent):
    """One token per word, after the beginning of sequence where it is asked for."""
    return [1] * sent["add_special"] + [10 + len(word) for word in sent["content"].split()]


def test_a_request_has_the_number_of_its_events():
    assert [one.n_events for one in records([REPORTED, replace(REPORTED, n_events=4)]).requests] == [0, 4]


def test_other_requests_are_those_that_were_in_flight_at_its_begin_or_were_begun_at_its_very_end():
    found = records([REPORTED, replace(REPORTED, end="length"), REPORTED], numbers=range(1, 2))
    assert [other.end for other in found.traffic.others] == ["stop", "stop"]
    assert [request.end for request in found.requests] == ["length"]


def test_a_request_that_was_cancelled_before_it_was_sent_is_left_out():
    stretch = Stretch(range(1), Edge(0.0, 0.0, 0, frozenset()), Edge(9.0, 0.0, 2, frozenset({1})))
    found = StretchOutput(stretch, {0: REPORTED}, {0: 4}, CountingTokenizer()).records()
    assert found.traffic.others == ()


def test_another_request_that_failed_is_kept_with_what_had_come_and_is_no_failure_of_the_stretch():
    traffic = records([BROKEN, REPORTED], numbers=range(1, 2)).traffic
    (other,) = traffic.other_failures
    assert (other.token_counts, other.input_tokens, other.ended_s) == ((1, 2, 3), 5, 4.5)
    assert traffic.failures == traffic.others == ()


def test_another_request_that_failed_is_kept_without_a_token_or_a_count():
    """It was in flight, and was work for the server."""
    silent = replace(BROKEN, event_times_s=(), event_tokens=(), texts=())
    traffic = records([silent, BROKEN, REPORTED], WholeTexts(), numbers=range(2, 3)).traffic
    assert [other.uncounted_times_s for other in traffic.other_failures] == [(), (2.0, 3.0, 4.0)]
