from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.backends.server.client.asked import Answer
from llenergymeasure.core.backends.server.client.stream import Stream


def sent(content: Any) -> bytes:
    return b"data: " + (content if isinstance(content, bytes) else json.dumps(content).encode()) + b"\n\n"


def text(value: str, finish: str | None = None, **more: Any) -> bytes:
    return sent({"choices": [{"index": 0, "text": value, "finish_reason": finish}], **more})


def usage(output: int, **more: Any) -> dict[str, Any]:
    return {"usage": {"prompt_tokens": 5, "completion_tokens": output, **more}}


def answered(*pieces: tuple[float, bytes], cut_off: bool = False) -> Answer:
    stream = Stream()
    for time_s, piece in pieces:
        stream.feed(time_s, piece)
    stream.ended(cut_off)
    return stream.answer(prompt_index=3, due_s=0.5, sent_s=1.0, ended_s=9.0)


DONE = sent(b"[DONE]")


def test_times_are_those_of_the_bytes_that_complete_each_event() -> None:
    first = text(" a")
    answer = answered((1.5, first[:20]), (1.7, first[20:]), (2.0, text(" b", "length") + sent(usage(2)) + DONE))
    assert answer.event_times_s == (1.7, 2.0)
    assert answer.event_tokens == (1, 2)
    assert answer.texts == (" a", " b")
    assert (answer.input_tokens, answer.output_tokens, answer.counted_by, answer.end) == (5, 2, "server", "length")
    assert (answer.prompt_index, answer.due_s, answer.sent_s, answer.finished_s) == (3, 0.5, 1.0, 9.0)
    assert answer.failure is None


def test_tokens_are_those_of_the_usage_although_events_hold_several() -> None:
    answer = answered((1.0, text("abcd")), (2.0, text("efgh", "stop")), (2.0, sent(usage(8)) + DONE))
    assert answer.output_tokens == 8
    assert answer.event_tokens == (4, 8)
    assert not answer.counts_are_reported


def test_events_are_counted_also_where_the_server_reports_fewer_tokens() -> None:
    answer = answered(
        *((float(second), text("x")) for second in range(1, 5)), (5.0, text("", "stop") + sent(usage(2)) + DONE)
    )
    assert (answer.output_tokens, answer.n_events, len(answer.event_times_s)) == (2, 4, 2)


def test_counts_of_each_event_are_exact() -> None:
    answer = answered(
        (1.0, text("a", **usage(1))), (2.0, text("bcd", **usage(4))), (3.0, text("", "stop", **usage(5)) + DONE)
    )
    assert answer.event_tokens == (1, 4, 5)
    assert answer.event_times_s == (1.0, 2.0, 3.0)
    assert answer.counts_are_reported


def test_a_token_without_text_has_its_time_where_the_server_counts_each_event() -> None:
    answer = answered((1.0, text("", **usage(1))), (2.0, text("a", "stop", **usage(2)) + DONE))
    assert answer.event_times_s == (1.0, 2.0)


def test_an_event_with_a_role_alone_is_no_token() -> None:
    role = sent({"choices": [{"delta": {"role": "assistant", "content": ""}}], **usage(0)})
    answer = answered((1.0, role), (2.0, text("a", "stop", **usage(1)) + DONE))
    assert answer.event_times_s == (2.0,)


def test_without_usage_there_is_no_count() -> None:
    answer = answered((1.0, text("a")), (2.0, text("b", "stop") + DONE))
    assert (answer.output_tokens, answer.counted_by) == (None, None)
    assert answer.event_tokens == (1, 2)
    assert answer.failure is None


def test_a_usage_of_zero_beside_text_is_no_count() -> None:
    answer = answered((1.0, text("a", "stop") + sent(usage(0)) + DONE))
    assert answer.output_tokens is None


def test_a_usage_of_zero_with_each_event_is_no_time_of_tokens() -> None:
    answer = answered(
        *((float(second), text("x", **usage(0))) for second in range(1, 4)),
        (4.0, text("x", "stop", **usage(0)) + sent(usage(4)) + DONE),
    )
    assert answer.event_times_s == (1.0, 2.0, 3.0, 4.0)
    assert answer.event_tokens == (1, 2, 3, 4)
    assert not answer.counts_are_reported


def test_tokens_of_the_prefix_cache_are_reported() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 4}}
    assert answered((1.0, text("a", "stop") + sent(usage(1, **details)) + DONE)).cached_tokens == 4
    assert answered((1.0, text("a", "stop") + sent(usage(1)) + DONE)).cached_tokens is None


def test_an_answer_of_the_end_of_sequence_alone_has_one_token() -> None:
    answer = answered((1.0, text("", "stop")), (2.0, sent(usage(1)) + DONE))
    assert (answer.event_times_s, answer.event_tokens, answer.output_tokens) == ((1.0,), (1,), 1)
    assert answer.failure is None


def test_nothing_after_done_is_read() -> None:
    stream = Stream()
    stream.feed(1.0, text("a", "stop") + DONE)
    stream.feed(2.0, text("b") + sent(b"junk"))
    answer = stream.answer(0, 0.0, 0.0, 2.0)
    assert stream.done_s == 1.0
    assert answer.texts == ("a",)
    assert answer.dropped_events == 0


def kind(answer: Answer) -> str | None:
    return None if answer.failure is None else answer.failure.kind


def test_a_reason_to_finish_and_a_regular_end_complete_an_answer_without_done() -> None:
    assert kind(answered((1.0, text("a", "stop")))) is None


def test_a_connection_that_ends_before_the_response_leaves_an_incomplete_answer() -> None:
    answer = answered((1.0, text("a", "stop")), cut_off=True)
    assert kind(answer) == "closed_early"
    assert answer.event_times_s == (1.0,)
    assert kind(answered((1.0, text("a", "stop") + DONE), cut_off=True)) is None


def test_a_stream_that_ends_without_a_reason_is_closed_early() -> None:
    assert kind(answered((1.0, text("a")))) == "closed_early"


def test_a_malformed_event_is_counted_and_the_rest_is_read() -> None:
    answer = answered(
        (1.0, text("a")), (2.0, sent(b"{") + sent(b"?")), (3.0, text("b", "stop") + sent(usage(3)) + DONE)
    )
    assert kind(answer) == "malformed_event"
    assert answer.dropped_events == 2
    assert answer.output_tokens == 3
    assert answer.event_times_s == (1.0, 3.0)


def test_an_event_cut_off_by_the_end_is_counted() -> None:
    assert answered((1.0, text("a", "stop")), (2.0, b'data: {"usage":')).dropped_events == 1
    assert answered((1.0, text("a", "stop")), (2.0, b"data: [DONE]")).dropped_events == 0


def test_a_complete_answer_without_a_token_is_a_failure() -> None:
    assert kind(answered((1.0, text("", "stop") + sent(usage(0)) + DONE))) == "no_tokens"


def test_an_error_in_the_stream_is_the_first_reason() -> None:
    answer = answered((1.0, text("a")), (2.0, sent({"error": {"message": "out of memory"}})))
    assert kind(answer) == "server_error"
    assert answer.failure is not None
    assert answer.failure.message == "out of memory"


@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([text("a"), text("b", "stop"), DONE, sent(usage(3))]), max_size=12
    ),
    st.booleans(),
)
def test_any_bytes_make_an_answer_that_is_complete_or_says_why_not(pieces: list[bytes], cut_off: bool) -> None:
    answer = answered(*((float(index), piece) for index, piece in enumerate(pieces)), cut_off=cut_off)
    assert len(answer.event_times_s) == len(answer.event_tokens) == len(answer.texts)
    assert list(answer.event_tokens) == sorted(set(answer.event_tokens))
    assert list(answer.event_times_s) == sorted(answer.event_times_s)
    assert answer.event_times_s or answer.failure is not None
    assert answer.failure is not None or answer.dropped_events == 0


def test_a_count_that_falls_is_malformed() -> None:
    answer = answered((1.0, text(" a", **usage(9))), (2.0, text(" b", "length", **usage(2)) + DONE))
    assert answer.failure is not None
    assert answer.failure.kind == "malformed_event"
    assert "fell from 9 to 2" in answer.failure.message


def test_a_count_that_no_answer_has_is_malformed() -> None:
    answer = answered((1.0, text(" a", "length") + sent(usage(10**30)) + DONE))
    assert answer.failure is not None
    assert answer.failure.kind == "malformed_event"
