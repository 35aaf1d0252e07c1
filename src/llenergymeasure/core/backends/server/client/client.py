"""Sends requests over HTTP and takes the times of their tokens.

```
Client.ask -> Connection (times) -> Exchange (HTTP) -> Stream (events) -> Answer
```

One client belongs to one event loop. It keeps connections open for the next request, for less time than servers do.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llenergymeasure.core.backends.server.client.asked import Answer, Asked
from llenergymeasure.core.backends.server.client.connection import Connection
from llenergymeasure.core.backends.server.client.exchange import Exchange
from llenergymeasure.core.backends.server.client.failures import of_error, shown
from llenergymeasure.core.backends.server.client.target import Target

# uvicorn (vLLM, SGLang, TensorRT-LLM) and cpp-httplib (llama.cpp) close an idle connection after 5 s. A request that is sent at
# that moment would fail through no fault of the server.
LONGEST_IDLE_S = 3.0


class Client:
    """Requests to one server.

    Args:
        target: the server.
        now: the clock, in s.
    """

    def __init__(self, target: Target, now: Callable[[], float] = time.perf_counter) -> None:
        self._target, self._now = target, now
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._address: tuple[Any, ...] | None = None
        self._uses_again = True

    async def ask(self, asked: Asked, due_s: float) -> Answer:
        """Send a request and return when its answer is over. See `AsksServer.ask`."""
        loop = asyncio.get_running_loop()
        exchange, sent_s = Exchange(loop), self._now()
        timer = loop.call_later(self._target.timeout_s, self._time_out, exchange)
        try:
            await self._exchanged(asked.body, exchange, loop)
        except asyncio.CancelledError:
            exchange.fail(self._now(), "cancelled", "the request was cancelled")
        finally:
            timer.cancel()
            exchange.close()
        return self._answer(exchange, asked.prompt_index, due_s, sent_s)

    async def _exchanged(self, body: bytes, exchange: Exchange, loop: asyncio.AbstractEventLoop) -> None:
        request, connection = self._target.request(body), self._idle_connection()
        if connection is not None:
            await self._exchanged_on(connection, request, exchange)
            if not exchange.is_unread or exchange.ended_s is not None:
                return
            # llama.cpp announces that it keeps connections, and closes each after its answer.
            self._uses_again = False
            exchange.send_again()
        try:
            connection = await self._connected_in_time(exchange, loop)
        except OSError as error:
            exchange.fail(self._now(), *of_error(error, while_connecting=True))
            return
        if connection is not None:
            await self._exchanged_on(connection, request, exchange)

    async def _exchanged_on(self, connection: Connection, request: bytes, exchange: Exchange) -> None:
        try:
            connection.send(request, exchange)
            await exchange.over
        finally:
            if connection.release():
                self._idle.append(connection)

    def _idle_connection(self) -> Connection | None:
        """The connection that was used last, if the server has surely kept it."""
        while self._idle:
            connection = self._idle.pop()
            if self._uses_again and connection.is_open and self._now() - connection.idle_since_s < LONGEST_IDLE_S:
                return connection
            connection.abort()
        return None

    async def _connected_in_time(self, exchange: Exchange, loop: asyncio.AbstractEventLoop) -> Connection | None:
        """A new connection; None when the request is over before. `wait_for` of older Pythons can miss a cancellation."""
        connecting = asyncio.ensure_future(self._connected(loop))
        connecting.add_done_callback(_noticed)
        either: set[asyncio.Future[Any]] = {connecting, exchange.over}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return connecting.result() if connecting.done() else None
        finally:
            connecting.cancel()

    async def _connected(self, loop: asyncio.AbstractEventLoop) -> Connection:
        """A new connection, to the address that answered first; a name such as localhost has several."""
        target = self._target
        if self._address is not None:
            return await self._connected_to(self._address, loop)
        failed: OSError | None = None
        for address in await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM):
            try:
                connection = await self._connected_to(address, loop)
            except OSError as error:
                failed = error
            else:
                self._address = address
                return connection
        raise failed or OSError(f"{target.host} has no address")

    async def _connected_to(self, address: tuple[Any, ...], loop: asyncio.AbstractEventLoop) -> Connection:
        tls = self._target.tls
        _, connection = await loop.create_connection(
            lambda: Connection(self._now, loop, self._open),
            *address[4][:2],
            family=address[0],
            ssl=tls,
            server_hostname=self._target.host if tls else None,
        )
        return connection

    def _time_out(self, exchange: Exchange) -> None:
        exchange.fail(self._now(), "timeout", f"no complete answer within {self._target.timeout_s:g} s")

    def _answer(self, exchange: Exchange, prompt_index: int, due_s: float, sent_s: float) -> Answer:
        ended_s = self._now() if exchange.ended_s is None else exchange.ended_s
        answer = exchange.stream.answer(prompt_index, due_s, sent_s, ended_s)
        if answer.failure is None:
            return answer
        return replace(answer, failure=shown(answer.failure, self._target.secrets))

    async def close(self) -> None:
        """Close every connection; requests that run are cancelled. Safe to call twice."""
        self._idle.clear()
        for connection in tuple(self._open):
            connection.cancel()
        await asyncio.sleep(0)  # the event loop closes the sockets in its next step


def _noticed(task: asyncio.Task[Connection]) -> None:
    """Take the error of a task for which nothing waits any more; it would be logged otherwise."""
    if not task.cancelled():
        task.exception()
