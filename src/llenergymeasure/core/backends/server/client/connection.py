"""A connection to a server: takes the time of bytes when they arrive, and reads them afterwards.

A server sends the tokens of all its streams at the end of one step. The time of each is taken before any of them is read, so that
reading the first does not delay the time of the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from llenergymeasure.core.backends.server.client.exchange import Exchange

# asyncio's other protocols get a new buffer of 256 KiB for each read, which takes longer than all else that is done for a token.
BUFFER_BYTES = 16384


class Connection(asyncio.BufferedProtocol):
    """One connection, with at most one request at a time.

    Args:
        now: the clock.
        loop: the event loop.
        open_ones: the connections that are open; it adds and removes itself.

    Attributes:
        is_open: whether a request can be sent.
        idle_since_s: when its last answer was over.
    """

    def __init__(self, now: Callable[[], float], loop: asyncio.AbstractEventLoop, open_ones: set[Connection]) -> None:
        self._now, self._loop, self._open_ones = now, loop, open_ones
        self._transport: asyncio.Transport | None = None
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._exchange: Exchange | None = None
        self._arrived: list[tuple[float, bytes]] = []
        self._was_used = False
        self.is_open = False
        self.idle_since_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.is_open = transport, True
        self._open_ones.add(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._arrived.append((self._now(), bytes(self._buffer[:nbytes])))
        if len(self._arrived) == 1:
            self._loop.call_soon(self._read)

    def connection_lost(self, exc: Exception | None) -> None:
        time_s, self.is_open = self._now(), False
        self._open_ones.discard(self)
        self._read()
        if self._exchange is not None:
            self._exchange.lost(time_s, exc, self._was_used)
        self.abort()  # TLS of Python 3.10 takes it for open until it is closed from here, too

    def _read(self) -> None:
        arrived, self._arrived = self._arrived, []
        if self._exchange is None:
            if arrived:  # an answer to no request: the next answer could not be found
                self.abort()
            return
        for time_s, piece in arrived:
            self._exchange.arrived(time_s, piece)

    def send(self, request: bytes, exchange: Exchange) -> None:
        """Send a request, whose answer goes to the exchange."""
        assert self._transport is not None
        self._exchange = exchange
        self._transport.write(request)

    def release(self) -> bool:
        """End the exchange; whether the connection can be used again. If not, it is closed."""
        exchange, self._exchange = self._exchange, None
        self.idle_since_s = self._now()
        self._was_used = exchange is not None and exchange.may_reuse_connection and not self._arrived
        if not (self.is_open and self._was_used):
            self.abort()
        return self.is_open

    def cancel(self) -> None:
        """End its request, if it has one, and close it."""
        if self._exchange is not None:
            self._exchange.fail(self._now(), "cancelled", "the client was closed")
        self.abort()

    def abort(self) -> None:
        """Close it at once. Safe to call twice."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()
