"""The load on a server, before, in and after its window.

```
ramp_up       stretch          stretch          drain
|-- answers --|-- n requests --|-- n requests --|-- until these have ended --| the rest is cancelled
```

The requests of a stretch are those that were begun in it. They are measured until their last token, and the load stays the same
until then: otherwise the last of them would be answered by a server that has less and less to do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from llenergymeasure.core.backends.server.client.asked import Answer
from llenergymeasure.core.backends.server.loaded import LoadedServer
from llenergymeasure.core.backends.server.traffic.faults import dead, unanswered
from llenergymeasure.core.backends.server.traffic.pace import Pace
from llenergymeasure.core.backends.server.traffic.sender import Sender
from llenergymeasure.exceptions import BackendError

# The ramp-up gives up when at most one request in so many is answered.
REQUESTS_PER_ANSWER = 10
# A server refuses connections a moment before its exit code is known.
LONGEST_EXIT_S = 2.0
# How often it looks whether a server that was started here still runs. Without this, a server that dies is noticed only after
# many requests are lost, which takes minutes at a low rate.
LOOK_S = 0.25


@dataclass(frozen=True)
class Edge:
    """The begin or the end of a stretch.

    Attributes:
        time_s: when, in s on the clock of the measurement.
        cpu_s: CPU time until then of the thread of the event loop, in s.
        begun: how many requests were begun until then.
        in_flight: the numbers of those that had not ended.
    """

    time_s: float
    cpu_s: float
    begun: int
    in_flight: frozenset[int]


@dataclass(frozen=True)
class Stretch:
    """A part of the load that is measured.

    Attributes:
        numbers: the requests that are measured: those that were begun in it.
        begin: its begin.
        end: its end.
    """

    numbers: range
    begin: Edge
    end: Edge

    @property
    def others(self) -> tuple[int, ...]:
        """The other requests that were in flight in it: begun before it, or at its very end."""
        before = (number for number in self.begin.in_flight if number < self.numbers.start)
        return (*sorted(before), *range(self.numbers.stop, self.end.begun))

    @property
    def client_cpu_s(self) -> float:
        """CPU time of the thread of the event loop, in s."""
        return self.end.cpu_s - self.begin.cpu_s


class Load:
    """The requests of one window, or of one run without a ramp-up.

    Args:
        sender: sends them.
        pace: determines when.
        server: the server that they are sent to.
        cpu_s: CPU time of the thread of the event loop, in s.
    """

    def __init__(
        self, sender: Sender, pace: Pace, server: LoadedServer, cpu_s: Callable[[], float] = time.thread_time
    ) -> None:
        self._sender, self._pace, self._server, self._cpu_s = sender, pace, server, cpu_s
        self._stretches: list[Stretch] = []

    @property
    def answers(self) -> dict[int, Answer]:
        """What became of the requests, by their numbers."""
        return self._sender.log.answers

    async def ramp_up(self, answers: int) -> None:
        """Begin; returns when so many requests were answered.

        Raises:
            BackendError: the server does not answer, or nine of ten requests fail.
        """
        log = self._sender.log
        self._begin()
        await self._sender.until(
            lambda: log.is_dead or log.answered >= answers or log.ended >= REQUESTS_PER_ANSWER * answers
        )
        if log.is_dead:
            raise await self._dead()
        if log.answered < answers:
            raise unanswered(self._server.url, log.answers.values(), " of the ramp-up", self._why())

    async def stretch(self, n: int) -> Stretch:
        """The next stretch, of `n` requests. It begins where the one before it has ended.

        Raises:
            BackendError: the server answers no more.
        """
        log, last = self._sender.log, self._stretches[-1] if self._stretches else None
        begin = self._edge() if last is None else last.end
        first = begin.begun if last is None else last.numbers.stop
        await self._sender.until(lambda: log.is_dead or log.begun >= first + n)
        if not log.is_dead:
            await self._sender.until(lambda: log.is_dead, self._pace.end_s(first, first + n - 1, begin.time_s))
        if log.is_dead:
            raise await self._dead()
        return self._ended(range(first, first + n), begin)

    async def whole(self, n: int) -> Stretch:
        """All of a load of `n` requests, from the first one until the last has ended.

        Raises:
            BackendError: the server answers no more.
        """
        log, begin = self._sender.log, self._edge()
        self._begin()
        await self._sender.until(lambda: not log.in_flight and (log.is_dead or log.ended >= n))
        if log.is_dead:
            raise await self._dead()
        stretch = self._ended(range(n), begin)
        await self.cancel()
        return stretch

    async def drain(self) -> None:
        """Return when every request has ended that was begun before the end of the last stretch; the others are cancelled.

        Raises:
            BackendError: no request of the stretches was answered.
        """
        log = self._sender.log
        after = self._stretches[-1].numbers.stop if self._stretches else 0
        await self._sender.until(lambda: all(number >= after for number in log.in_flight))
        await self.cancel()
        self.check()

    def check(self, phase: str = "") -> None:
        """Check that a request of the stretches was answered.

        Args:
            phase: the part of the traffic that they are, see `unanswered`.

        Raises:
            BackendError: all of them failed.
        """
        answers = [self.answers[number] for stretch in self._stretches for number in stretch.numbers]
        if answers and all(answer.failure is not None for answer in answers):
            raise unanswered(self._server.url, answers, phase, self._why())

    def stop(self) -> None:
        """Begin no further request. It may be called from another thread."""
        self._sender.stop()

    async def cancel(self) -> None:
        """End the load at once. Safe to call twice."""
        await self._sender.cancel()

    def _begin(self) -> None:
        self._pace.start(self._sender)
        if self._server.was_launched:
            self._sender.start(self._give_up_without_server())

    async def _give_up_without_server(self) -> None:
        """End the load when the server that was started here has ended, also while no request is sent."""
        while self._server.why_ended() is None:
            await asyncio.sleep(LOOK_S)
        self._sender.give_up()

    async def _dead(self) -> BackendError:
        """The error for a server that answers no more, with its exit code if it was started here and has ended."""
        end_s = self._sender.clock.now() + LONGEST_EXIT_S
        while self._server.was_launched and self._server.why_ended() is None and self._sender.clock.now() < end_s:
            await asyncio.sleep(0.05)
        return dead(self._server.url, self._sender.log, self._server.why_ended(), self._server.output())

    def _why(self) -> str | None:
        """Why the server has ended; while it runs, what it wrote."""
        return self._server.why_ended() or self._server.output()

    def _edge(self) -> Edge:
        log = self._sender.log
        return Edge(self._sender.clock.now(), self._cpu_s(), log.begun, frozenset(log.in_flight))

    def _ended(self, numbers: range, begin: Edge) -> Stretch:
        stretch = Stretch(numbers, begin, self._edge())
        self._stretches.append(stretch)
        return stretch
