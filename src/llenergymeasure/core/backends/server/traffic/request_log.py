"""What became of the requests of a load, and whether its server still answers."""

from __future__ import annotations

import math

from llenergymeasure.core.backends.server.client.asked import Answer, FailureKind

# A server has ended when so many requests in a row found no connection, or lost it. Those that were in flight when the first
# of them failed do not count: they all fail when a server starts again.
GONE_AFTER = 10
# At a low rate so many take minutes. A server is also gone when requests found no connection for this time, and none was
# answered in it. Lost connections do not count here: long answers may be cut off one after the other by a server that runs.
REFUSED_S = 10.0
_NOT_CONNECTED: frozenset[FailureKind] = frozenset({"refused", "unreachable"})
_WITHOUT_SERVER = _NOT_CONNECTED | {"reset"}


class RequestLog:
    """The requests of a load by their numbers, from 0 in the order in which they were begun.

    Args:
        before: the log of the pass before, whose server is the same: whether it still answers is judged over both.

    Attributes:
        begun: how many were begun.
        in_flight: the numbers of those that have not ended.
        answers: the others, complete or not.
        answered: how many are complete, also in the passes before.
        failed: those that failed, also in the passes before.
        is_gone: whether the server seems to have ended.
        is_full: whether this program could open no further connection.
        is_hanging: whether a request timed out that was sent after another one had, and none was answered in between.
    """

    def __init__(self, before: RequestLog | None = None) -> None:
        self.begun = 0
        self.in_flight: set[int] = set()
        self.answers: dict[int, Answer] = {}
        self.is_gone = self.is_hanging = self.is_full = False
        self.answered: int = before.answered if before else 0
        self.failed: list[Answer] = before.failed if before else []  # the pass before has ended
        self._timed_out_s: float = before._timed_out_s if before else math.inf
        self._lost: list[Answer] = [*before._lost] if before else []

    @property
    def ended(self) -> int:
        """How many have ended."""
        return len(self.answers)

    @property
    def is_dead(self) -> bool:
        """Whether further requests are useless."""
        return self.is_gone or self.is_hanging or self.is_full

    def begin(self) -> int:
        """The number of a new request."""
        number, self.begun = self.begun, self.begun + 1
        self.in_flight.add(number)
        return number

    def end(self, number: int, answer: Answer) -> None:
        """Keep what became of a request."""
        self.in_flight.discard(number)
        self.answers[number] = answer
        if answer.failure is None:
            self.answered += 1
            self._timed_out_s = math.inf
        else:
            self._fail(answer, answer.failure.kind)
        self._count_lost(answer)

    def _fail(self, answer: Answer, kind: FailureKind) -> None:
        self.failed.append(answer)
        if kind == "no_descriptor":
            self.is_full = True
        elif kind == "timeout":
            self.is_hanging |= answer.sent_s >= self._timed_out_s
            self._timed_out_s = min(self._timed_out_s, answer.finished_s)

    def _count_lost(self, answer: Answer) -> None:
        if answer.failure is None or answer.failure.kind not in _WITHOUT_SERVER:
            self._lost.clear()
        elif not self._lost or answer.sent_s >= self._lost[0].finished_s:
            self._lost.append(answer)
        refused_s = [lost.sent_s for lost in self._lost if lost.failure and lost.failure.kind in _NOT_CONNECTED]
        self.is_gone |= len(self._lost) > GONE_AFTER or (bool(refused_s) and refused_s[-1] - refused_s[0] >= REFUSED_S)
