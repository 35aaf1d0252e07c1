from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.backends.server.client.http import MalformedHTTP, ResponseReader


class Log:
    def __init__(self) -> None:
        self.heads: list[tuple[int, str]] = []
        self.content = b""
        self.completions = 0

    def head(self, status: int, content_type: str, encoding: str) -> None:
        self.heads.append((status, content_type))

    def body(self, piece: bytes) -> None:
        self.content += piece

    def complete(self) -> None:
        self.completions += 1


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
)
WITH_LENGTH = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\nno"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"


def read(*pieces: bytes) -> tuple[Log, ResponseReader]:
    log = Log()
    reader = ResponseReader(log)
    for piece in pieces:
        reader.feed(piece)
    return log, reader


def test_chunks_are_joined_without_their_framing() -> None:
    log, reader = read(CHUNKED)
    assert log.heads == [(200, "text/event-stream")]
    assert log.content == b"abcde"
    assert log.completions == 1
    assert reader.is_complete
    assert reader.keeps_alive


@given(st.integers(0, len(CHUNKED)), st.integers(0, len(CHUNKED)))
def test_a_response_may_be_cut_anywhere(one: int, other: int) -> None:
    first, second = sorted((one, other))
    log, reader = read(*(piece for piece in (CHUNKED[:first], CHUNKED[first:second], CHUNKED[second:]) if piece))
    assert (log.content, log.completions, reader.keeps_alive) == (b"abcde", 1, True)


def test_a_length_ends_the_body() -> None:
    log, reader = read(WITH_LENGTH)
    assert (log.heads, log.content, log.completions) == ([(429, "")], b"no", 1)
    assert not reader.ends_with_connection


def test_a_body_without_length_ends_with_the_connection() -> None:
    log, reader = read(UNTIL_CLOSE)
    assert (log.content, log.completions) == (b"abc", 0)
    assert reader.ends_with_connection


def test_the_server_may_close_the_connection_after_the_response() -> None:
    _, reader = read(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    assert reader.is_complete
    assert not reader.keeps_alive


def test_interim_responses_are_skipped() -> None:
    log, reader = read(b"HTTP/1.1 100 Continue\r\n\r\n", CHUNKED)
    assert log.heads == [(200, "text/event-stream")]
    assert reader.is_complete


def test_bytes_after_the_response_make_the_connection_useless() -> None:
    for pieces in ((CHUNKED, b"x"), (CHUNKED + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",), (CHUNKED + b"junk",)):
        log, reader = read(*pieces)
        assert log.completions == 1
        assert not reader.keeps_alive


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-OpenSSH\r\n", b"\x16\x03\x01\x02", b"HTTP/1.1 abc\r\n\r\n", CHUNKED.replace(b"3\r\n", b"zz\r\n")]
)
def test_what_is_not_http_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedHTTP):
        read(data)


def test_an_upgrade_is_malformed() -> None:
    with pytest.raises(MalformedHTTP):
        read(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x05hello")


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_malformed(data: bytes, after_a_head: bool) -> None:
    with suppress(MalformedHTTP):
        read(CHUNKED[:-5] + data if after_a_head else data)
