from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.backends.server.client.asked import Answer
from llenergymeasure.core.backends.server.client.exchange import Exchange
from llenergymeasure.core.backends.server.client.sse import LONGEST_EVENT
from scripted_server import HEAD, LAST_CHUNK, event, text_event, usage_of

DONE = event("[DONE]")


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    loop = asyncio.new_event_loop()
    yield Exchange(loop)
    loop.close()


def answer(exchange: Exchange) -> Answer:
    assert exchange.ended_s is not None
    assert exchange.over.done()
    return exchange.stream.answer(0, 0.0, 0.0, exchange.ended_s)


def kind(exchange: Exchange) -> str | None:
    failure = answer(exchange).failure
    return None if failure is None else failure.kind


def test_times_of_a_scripted_answer_are_exact(exchange: Exchange) -> None:
    exchange.arrived(10.0, HEAD)
    exchange.arrived(10.25, text_event("a"))
    exchange.arrived(10.5, text_event("b"))
    exchange.arrived(11.5, text_event("c", "length"))
    exchange.arrived(11.75, event({"choices": [], "usage": usage_of(3)}) + DONE)
    exchange.arrived(12.0, LAST_CHUNK)
    result = answer(exchange)
    assert result.event_times_s == (10.25, 10.5, 11.5)
    assert result.finished_s == 11.75
    assert result.output_tokens == 3
    assert exchange.may_reuse_connection


def test_a_request_that_timed_out_is_not_sent_again_when_its_connection_is_lost(exchange: Exchange) -> None:
    exchange.fail(600.0, "timeout", "no complete answer within 600 s")
    exchange.lost(600.1, None, was_used=True)
    assert not exchange.is_unread
    assert kind(exchange) == "timeout"


def test_the_end_of_the_response_is_waited_for_but_the_answer_is_over_before(exchange: Exchange) -> None:
    exchange.arrived(1.0, HEAD + text_event("a", "stop") + DONE)
    assert exchange.ended_s is None
    exchange.arrived(2.0, LAST_CHUNK)
    assert exchange.ended_s == 1.0


def test_a_server_that_never_ends_its_response_is_not_waited_for_long() -> None:
    async def run() -> Exchange:
        exchange = Exchange(asyncio.get_running_loop(), longest_end_s=0.0)
        exchange.arrived(1.0, HEAD + text_event("a", "stop") + DONE)
        await exchange.over
        return exchange

    exchange = asyncio.run(run())
    assert kind(exchange) is None
    assert exchange.ended_s == 1.0
    assert not exchange.may_reuse_connection


def head(status: int, more: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\n{more}\r\n".encode()


def test_the_body_of_an_error_says_why(exchange: Exchange) -> None:
    exchange.arrived(1.0, head(429, "Content-Length: 34\r\n") + b'{"error": {"message": "too many"}}')
    failure = answer(exchange).failure
    assert failure is not None
    assert (failure.kind, failure.status, failure.message) == ("status_429", 429, "too many")


def test_an_error_that_is_cut_off_is_still_that_error(exchange: Exchange) -> None:
    exchange.arrived(1.0, head(500, "Content-Length: 340\r\n") + b"no mem")
    exchange.lost(2.0, ConnectionResetError())
    failure = answer(exchange).failure
    assert failure is not None
    assert (failure.kind, failure.status, failure.message) == ("status_5xx", 500, "no mem")


def test_an_answer_that_is_no_stream_is_malformed_and_named(exchange: Exchange) -> None:
    exchange.arrived(1.0, head(200, "Content-Type: application/json\r\nContent-Length: 2\r\n") + b"{}")
    failure = answer(exchange).failure
    assert failure is not None
    assert failure.kind == "malformed_event"
    assert "application/json" in failure.message


def test_an_answer_that_was_compressed_unasked_is_named(exchange: Exchange) -> None:
    coded = "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n"
    exchange.arrived(1.0, head(200, coded) + b"\x1f\x8b")
    failure = answer(exchange).failure
    assert failure is not None
    assert (failure.kind, "content-encoding gzip" in failure.message) == ("malformed_event", True)


def test_a_status_without_a_message_is_named(exchange: Exchange) -> None:
    exchange.arrived(1.0, head(307, "Content-Length: 0\r\n"))
    failure = answer(exchange).failure
    assert failure is not None
    assert (failure.kind, failure.message) == ("status_other", "status 307 without a message")


def test_an_event_that_does_not_end_is_the_end_of_the_request(exchange: Exchange) -> None:
    exchange.arrived(1.0, head(200, "Content-Type: text/event-stream\r\n") + b"data: " + b"a" * LONGEST_EVENT)
    assert kind(exchange) == "malformed_event"
    assert exchange.ended_s == 1.0


def test_a_stream_without_a_content_type_is_read(exchange: Exchange) -> None:
    exchange.arrived(1.0, head(200, "Transfer-Encoding: chunked\r\n") + text_event("a", "stop") + DONE + LAST_CHUNK)
    assert kind(exchange) is None


def test_a_stream_may_end_with_the_connection(exchange: Exchange) -> None:
    exchange.arrived(1.0, head(200) + b'data: {"choices": [{"text": "a", "finish_reason": "stop"}]}\n\n')
    exchange.lost(2.0, None)
    assert kind(exchange) is None
    assert not exchange.may_reuse_connection


def test_a_stream_in_chunks_may_not(exchange: Exchange) -> None:
    exchange.arrived(1.0, HEAD + text_event("a", "stop"))
    exchange.lost(2.0, None)
    assert kind(exchange) == "closed_early"


def test_a_connection_closed_without_an_answer_is_closed_early(exchange: Exchange) -> None:
    exchange.lost(2.0, None)
    assert kind(exchange) == "closed_early"


def test_a_loss_after_done_takes_nothing_away(exchange: Exchange) -> None:
    exchange.arrived(1.0, HEAD + text_event("a", "stop") + DONE)
    exchange.lost(2.0, ConnectionResetError())
    assert kind(exchange) is None
    assert exchange.ended_s == 1.0


def test_what_is_not_http_is_named(exchange: Exchange) -> None:
    exchange.arrived(1.0, b"SSH-2.0-OpenSSH_9\r\n")
    assert kind(exchange) == "malformed_http"


def test_the_first_failure_and_its_time_stay(exchange: Exchange) -> None:
    exchange.fail(1.0, "timeout", "late")
    exchange.fail(2.0, "cancelled", "cancelled")
    exchange.lost(3.0, None)
    assert kind(exchange) == "timeout"
    assert exchange.ended_s == 1.0


def test_a_failure_does_not_take_a_whole_answer_away(exchange: Exchange) -> None:
    exchange.arrived(1.0, HEAD + text_event("a", "stop") + DONE + LAST_CHUNK)
    exchange.fail(2.0, "cancelled", "cancelled")
    assert kind(exchange) is None


WHOLE = (
    HEAD + text_event("a") + text_event("b", "stop") + event({"choices": [], "usage": usage_of(5)}) + DONE + LAST_CHUNK
)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=20))
def test_a_response_that_is_cut_anywhere_is_the_same_answer(cuts: list[int]) -> None:
    loop = asyncio.new_event_loop()
    exchange = Exchange(loop)
    edges = sorted({0, *cuts, len(WHOLE)})
    for start, stop in zip(edges, edges[1:]):
        exchange.arrived(1.0, WHOLE[start:stop])
    loop.close()
    result = answer(exchange)
    assert (result.texts, result.event_tokens, result.output_tokens) == (("a", "b"), (2, 5), 5)
    assert result.failure is None
    assert exchange.may_reuse_connection


@given(
    st.integers(0, len(WHOLE) - 1), st.sampled_from([None, ConnectionResetError(104, "reset")]), st.binary(max_size=20)
)
def test_a_response_that_is_damaged_or_lost_anywhere_has_an_answer(
    cut: int, error: Exception | None, junk: bytes
) -> None:
    loop = asyncio.new_event_loop()
    exchange = Exchange(loop)
    exchange.arrived(1.0, WHOLE[:cut] + junk)
    exchange.lost(2.0, error)
    loop.close()
    result = answer(exchange)
    assert result.event_times_s or result.failure is not None
    assert exchange.ended_s in (1.0, 2.0)
