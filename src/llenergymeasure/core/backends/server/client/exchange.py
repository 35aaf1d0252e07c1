"""One request and its answer on a connection.

```
arrived(time, bytes) -> ResponseReader -> head, body, complete -> Stream
```
"""

from __future__ import annotations

import asyncio

from llenergymeasure.core.backends.server.client.asked import FailureKind
from llenergymeasure.core.backends.server.client.failures import kind_of_status, message_of_body, of_error
from llenergymeasure.core.backends.server.client.http import MalformedHTTP, ResponseReader
from llenergymeasure.core.backends.server.client.sse import EventTooLong
from llenergymeasure.core.backends.server.client.stream import Stream

# An error message is cut later anyway.
LONGEST_ERROR = 65536
# After `data: [DONE]` the answer is over. The end of the response is waited for, so that the connection can be used again.
LONGEST_END_S = 1.0
EVENTS = "text/event-stream"
PLAIN = ("", "identity")


class Exchange:
    """The state of one request. It is over when `over` has a result.

    Args:
        loop: the event loop.
        longest_end_s: how long the end of the response may take after `[DONE]`.

    Attributes:
        stream: the answer.
        over: done when nothing more will come.
        ended_s: when the answer was over; None before.
        is_unread: whether the server closed the connection after an earlier answer, before it read this request.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, longest_end_s: float = LONGEST_END_S) -> None:
        self.stream = Stream()
        self.over: asyncio.Future[None] = loop.create_future()
        self.ended_s: float | None = None
        self.is_unread = False
        self._reader = ResponseReader(self)
        self._time_s = 0.0
        self._has_begun = False
        self._status: int | None = None
        self._content_type = self._encoding = ""
        self._other_body = b""
        self._loop, self._longest_end_s = loop, longest_end_s
        self._ending: asyncio.TimerHandle | None = None

    @property
    def may_reuse_connection(self) -> bool:
        """Whether the connection is at the beginning of the next response."""
        return self._reader.is_complete and self._reader.keeps_alive

    @property
    def _is_stream(self) -> bool:
        """Whether the body is the stream of an answer."""
        return self._status == 200 and self._content_type in ("", EVENTS) and self._encoding in PLAIN

    def arrived(self, time_s: float, piece: bytes) -> None:
        """Take the next bytes of the connection, and when they arrived."""
        self._time_s, self._has_begun = time_s, True
        try:
            self._reader.feed(piece)
        except MalformedHTTP as error:
            self.fail(time_s, "malformed_http", str(error))

    def head(self, status: int, content_type: str, encoding: str) -> None:
        """Called by the reader."""
        self._status, self._content_type, self._encoding = status, content_type, encoding

    def body(self, piece: bytes) -> None:
        """Called by the reader."""
        if not self._is_stream:
            self._other_body += piece[: LONGEST_ERROR - len(self._other_body)]
            return
        try:
            self.stream.feed(self._time_s, piece)
        except EventTooLong as error:
            self.fail(self._time_s, "malformed_event", str(error))
            return
        if self.stream.done_s is not None and self._ending is None:
            self._ending = self._loop.call_later(self._longest_end_s, self._end, self.stream.done_s)

    def complete(self) -> None:
        """Called by the reader."""
        self._finish(self._time_s, cut_off=False)

    def lost(self, time_s: float, error: BaseException | None, was_used: bool = False) -> None:
        """The connection is gone.

        Args:
            time_s: since when.
            error: why; None where the server closed it.
            was_used: whether it has had an answer before.
        """
        if was_used and not self._has_begun and self.ended_s is None:
            self.is_unread = True
            self._resolve()
        elif self._reader.has_head and not self._is_stream:
            self._finish(time_s, cut_off=True)
        elif error is not None and self.stream.done_s is None:
            self.fail(time_s, *of_error(error))
        elif self._reader.has_head:
            self._finish(time_s, cut_off=not self._reader.ends_with_connection)
        else:
            self.fail(time_s, "closed_early", "the server closed the connection without an answer")

    def _finish(self, time_s: float, cut_off: bool) -> None:
        if self.ended_s is None:
            if self._is_stream:
                self.stream.ended(cut_off)
            else:
                self._note_other_answer()
        self._end(time_s if self.stream.done_s is None else self.stream.done_s)

    def _note_other_answer(self) -> None:
        message = message_of_body(self._other_body)
        if self._status == 200 and self._encoding not in PLAIN:
            named = f"the server answered with content-encoding {self._encoding}, which was not asked for"
            self.stream.fail("malformed_event", named, self._status)
        elif self._status == 200:
            named = f"the server answered with {self._content_type} instead of {EVENTS}"
            self.stream.fail("malformed_event", f"{named}: {message}", self._status)
        elif self._status is not None:
            said = message or f"status {self._status} without a message"
            self.stream.fail(kind_of_status(self._status), said, self._status)

    def fail(self, time_s: float, kind: FailureKind, message: str) -> None:
        """Give the request up, unless the answer is over."""
        if self.ended_s is None and self.stream.done_s is None:
            self.stream.fail(kind, message, self._status)
        self._end(time_s if self.stream.done_s is None else self.stream.done_s)

    def send_again(self) -> None:
        """Wait for the answer on another connection."""
        self.is_unread = False
        self.over = self._loop.create_future()

    def close(self) -> None:
        """Free the parser. Garbage is not collected in a window, so nothing may need it."""
        self._reader.close()

    def _end(self, time_s: float) -> None:
        if self.ended_s is None:
            self.ended_s = time_s
        if self._ending is not None:
            self._ending.cancel()
        self._resolve()

    def _resolve(self) -> None:
        if not self.over.done():
            self.over.set_result(None)
