"""Collects the events of one answer with their times, and makes the answer of them."""

from __future__ import annotations

from llenergymeasure.core.backends.server.client.asked import Answer, AnswerEnd, Failure, FailureKind
from llenergymeasure.core.backends.server.client.counting import Arrivals, as_reported, evenly
from llenergymeasure.core.backends.server.client.events import DONE, Event, MalformedEvent, Usage, read_event
from llenergymeasure.core.backends.server.client.sse import EventParser


class Stream:
    """One answer on its way. Times are in s on the clock of the client."""

    def __init__(self) -> None:
        self._parser = EventParser()
        self._times: list[float] = []
        self._texts: list[str] = []
        self._counts: list[int | None] = []
        self._usage = Usage()
        self._end: AnswerEnd | None = None
        self._finished_s: float | None = None
        self._dropped: list[str] = []
        self.done_s: float | None = None
        self.failure: Failure | None = None

    def feed(self, time_s: float, piece: bytes) -> None:
        """Take the next bytes of the stream.

        Args:
            time_s: when they arrived.
            piece: the bytes.
        """
        for data in self._parser.feed(piece):
            if self.done_s is None:
                self._take(time_s, data)

    def _take(self, time_s: float, data: bytes) -> None:
        if data.strip() == DONE:
            self.done_s = time_s
            return
        try:
            event = read_event(data)
        except MalformedEvent as error:
            self._dropped.append(str(error))
            return
        self._add(time_s, event)

    def _add(self, time_s: float, event: Event) -> None:
        count = None
        if event.usage is not None:
            self._note_decrease(event.usage)
            self._usage = _joined(self._usage, event.usage)
            count = event.usage.output_tokens if event.in_answer else None
        if event.text or (count is not None and count > (self._last_count() or 0)):
            self._times.append(time_s)
            self._texts.append(event.text)
            self._counts.append(count)
        if event.error is not None:
            self.fail("server_error", event.error)
        elif event.finished:
            self._finished_s, self._end = time_s, event.end

    def _note_decrease(self, usage: Usage) -> None:
        """A count of tokens so far cannot fall; one that does is no count."""
        before, now = self._usage.output_tokens, usage.output_tokens
        if before is not None and now is not None and now < before:
            self._dropped.append(f"the number of output tokens fell from {before} to {now}")

    def _last_count(self) -> int | None:
        return self._counts[-1] if self._counts else None

    def fail(self, kind: FailureKind, message: str, status: int | None = None) -> None:
        """Note why there will be no complete answer. The first reason counts."""
        if self.failure is None:
            self.failure = Failure(kind, message, status)

    def ended(self, cut_off: bool) -> None:
        """The stream is over. Without its `[DONE]`, it must have a reason to finish and a regular end.

        Args:
            cut_off: whether the connection ended before the response did.
        """
        unfinished = self._parser.unfinished()
        if unfinished is not None and self.done_s is None and unfinished.strip() != DONE:
            self._dropped.append("cut off by the end of the stream")
        if self.done_s is None and (cut_off or self._finished_s is None):
            what = "the connection was closed" if cut_off else "the stream ended"
            self.fail(
                "closed_early", f"{what} before the answer was complete, after {len(self._times)} events with text"
            )

    def answer(self, prompt_index: int, due_s: float, sent_s: float, ended_s: float) -> Answer:
        """Everything that has come.

        Args:
            prompt_index: index of the prompt.
            due_s: when it was due.
            sent_s: when it was sent.
            ended_s: when the answer or the attempt was over.
        """
        total, exact = self._total()
        arrivals = self._arrivals(total, exact)
        if self._dropped:
            self.fail(
                "malformed_event", f"{len(self._dropped)} events could not be read; the first: {self._dropped[0]}"
            )
        if not arrivals.event_times_s:
            self.fail("no_tokens", "the answer is complete and has no token")
        return Answer(
            prompt_index=prompt_index,
            due_s=due_s,
            sent_s=sent_s,
            finished_s=ended_s,
            **vars(arrivals),
            n_events=len(self._times),
            input_tokens=self._usage.input_tokens,
            output_tokens=total,
            counted_by=None if total is None else "server",
            counts_are_reported=exact,
            cached_tokens=self._usage.cached_tokens,
            end=self._end,
            failure=self.failure,
            dropped_events=len(self._dropped),
        )

    def _total(self) -> tuple[int | None, bool]:
        """The number of output tokens, and whether each event had its own; zero tokens with text are no count."""
        total = self._usage.output_tokens
        if not total and self._times:
            return None, False
        return total, bool(self._times) and all(self._counts)

    def _arrivals(self, total: int | None, exact: bool) -> Arrivals:
        if not self._times:
            known = self._finished_s if total else None
            return Arrivals(
                () if known is None else (known,), () if known is None else (total or 0,), ("",) if known else ()
            )
        if total is not None and exact:
            return as_reported(self._times, self._texts, [count or 0 for count in self._counts], total)
        return evenly(self._times, self._texts, len(self._times) if total is None else total)


def _joined(before: Usage, now: Usage) -> Usage:
    """The later counts, where the later event has them."""
    return Usage(
        before.input_tokens if now.input_tokens is None else now.input_tokens,
        before.output_tokens if now.output_tokens is None else now.output_tokens,
        before.cached_tokens if now.cached_tokens is None else now.cached_tokens,
    )
