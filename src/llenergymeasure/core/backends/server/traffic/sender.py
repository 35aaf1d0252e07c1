"""Sends the requests of a load, and lets one waiter know what becomes of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

from llenergymeasure.core.backends.server.client.asked import Asked, AsksServer
from llenergymeasure.core.backends.server.traffic.request_log import RequestLog
from llenergymeasure.protocols import Clock


class Sender:
    """The requests of one load. Everything happens in one event loop.

    Args:
        client: sends one request.
        asked: gives the request of a number, from 0.
        clock: the clock of the measurement.
        log: records what becomes of them.
        limit: how many requests are sent at most; None = until the load is cancelled.

    Attributes:
        log: what became of them.
        clock: the clock of the measurement.
    """

    def __init__(
        self,
        client: AsksServer,
        asked: Callable[[int], Asked],
        clock: Clock,
        log: RequestLog,
        limit: int | None = None,
    ) -> None:
        self._client, self._asked, self._limit = client, asked, limit
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._is_open = True
        self.clock = clock
        self.log = log

    @property
    def has_more(self) -> bool:
        """Whether another request is to be sent."""
        is_left = self._limit is None or self.log.begun < self._limit
        return self._is_open and is_left and not self.log.is_dead

    def begin(self) -> int:
        """The number of the next request, which must now be sent."""
        number = self.log.begin()
        self._notify()
        return number

    async def send(self, number: int, due_s: float) -> None:
        """Send a request; returns when it has ended."""
        answer = await self._client.ask(self._asked(number), due_s)
        self.log.end(number, answer)
        self._notify()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a part of the load until it ends, or until the load is cancelled."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def until(self, holds: Callable[[], bool], end_s: float = math.inf) -> None:
        """Return when a condition holds, which is looked at whenever a request begins or ends.

        Args:
            holds: the condition.
            end_s: return at this time of the clock, too.

        Raises:
            BaseException: an error of this program, in a part of the load.
        """
        while self._error is None and not holds() and (left_s := end_s - self.clock.now()) > 0:
            self._changed = asyncio.get_running_loop().create_future()
            if math.isinf(left_s):
                await self._changed
            else:
                await asyncio.wait([self._changed], timeout=left_s)
        if self._error is not None:
            raise self._error

    def give_up(self) -> None:
        """The server has ended: begin no further request."""
        self.log.is_gone = True
        self._notify()

    def stop(self) -> None:
        """Begin no further request. It may be called from another thread."""
        self._is_open = False

    async def cancel(self) -> None:
        """End every request that is in flight, and begin no other. Safe to call twice."""
        self.stop()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._error = task.exception()
            self._notify()

    def _notify(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
