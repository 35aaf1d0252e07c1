from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest

from llenergymeasure.core.backends.server.client.connection import Connection
from llenergymeasure.core.backends.server.client.exchange import Exchange
from scripted_server import HEAD, LAST_CHUNK, event, text_event


class FakeTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def connected(
    loop: asyncio.AbstractEventLoop, ticks: Iterator[int]
) -> tuple[Connection, FakeTransport, set[Connection]]:
    open_ones: set[Connection] = set()
    connection, transport = Connection(lambda: float(next(ticks)), loop, open_ones), FakeTransport()
    connection.connection_made(transport)
    return connection, transport, open_ones


def receive(connection: Connection, data: bytes) -> None:
    """As an event loop does it."""
    connection.get_buffer(-1)[: len(data)] = data
    connection.buffer_updated(len(data))


def one_step(loop: asyncio.AbstractEventLoop) -> None:
    loop.call_soon(loop.stop)
    loop.run_forever()


ANSWER = HEAD + text_event("a", "stop") + event("[DONE]") + LAST_CHUNK


def test_the_times_of_all_connections_are_taken_before_any_is_read(loop: asyncio.AbstractEventLoop) -> None:
    ticks = iter(count(1))
    both = [connected(loop, ticks)[0] for _ in range(2)]
    exchanges = [Exchange(loop) for _ in both]
    for connection, exchange in zip(both, exchanges):
        connection.send(b"request", exchange)
        receive(connection, ANSWER)
        assert exchange.ended_s is None
    one_step(loop)
    answers = [exchange.stream.answer(0, 0.0, 0.0, 9.0) for exchange in exchanges]
    assert [answer.event_times_s for answer in answers] == [(1.0,), (2.0,)]


def test_a_connection_can_be_used_again_after_a_whole_answer(loop: asyncio.AbstractEventLoop) -> None:
    connection, transport, _ = connected(loop, iter(count(1)))
    exchange = Exchange(loop)
    connection.send(b"request", exchange)
    receive(connection, ANSWER)
    one_step(loop)
    assert connection.release()
    assert not transport.aborted
    assert connection.idle_since_s == 2.0


@pytest.mark.parametrize("data", [b"", ANSWER[:-2], ANSWER + b"x"])
def test_a_connection_is_closed_after_anything_else(loop: asyncio.AbstractEventLoop, data: bytes) -> None:
    connection, transport, _ = connected(loop, iter(count(1)))
    connection.send(b"request", Exchange(loop))
    receive(connection, data)
    one_step(loop)
    assert not connection.release()
    assert transport.aborted


def test_bytes_that_no_request_asked_for_close_the_connection(loop: asyncio.AbstractEventLoop) -> None:
    connection, transport, _ = connected(loop, iter(count(1)))
    receive(connection, b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    one_step(loop)
    assert transport.aborted
    assert not connection.is_open


def test_bytes_before_the_loss_of_the_connection_are_read(loop: asyncio.AbstractEventLoop) -> None:
    connection, _, open_ones = connected(loop, iter(count(1)))
    exchange = Exchange(loop)
    connection.send(b"request", exchange)
    assert open_ones == {connection}
    receive(connection, HEAD + text_event("a"))
    connection.connection_lost(ConnectionResetError(104, "reset by peer"))
    answer = exchange.stream.answer(0, 0.0, 0.0, exchange.ended_s or 0.0)
    assert answer.event_times_s == (1.0,)
    assert answer.finished_s == 2.0
    assert answer.failure is not None
    assert answer.failure.kind == "reset"
    assert open_ones == set()


@pytest.mark.parametrize("error", [None, ConnectionResetError(104, "reset by peer")])
def test_a_request_on_a_used_connection_that_is_closed_was_not_read(
    loop: asyncio.AbstractEventLoop, error: Exception | None
) -> None:
    connection, _, _ = connected(loop, iter(count(1)))
    connection.send(b"request", Exchange(loop))
    receive(connection, ANSWER)
    one_step(loop)
    assert connection.release()
    second = Exchange(loop)
    connection.send(b"request", second)
    connection.connection_lost(error)
    assert second.over.done()
    assert second.is_unread
    assert second.ended_s is None


def test_a_request_on_a_new_connection_that_is_closed_is_a_failure(loop: asyncio.AbstractEventLoop) -> None:
    connection, _, _ = connected(loop, iter(count(1)))
    exchange = Exchange(loop)
    connection.send(b"request", exchange)
    connection.connection_lost(None)
    assert not exchange.is_unread
    assert exchange.ended_s is not None
