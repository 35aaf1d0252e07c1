"""Splits a byte stream into server-sent events, by the rules of the WHATWG.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation: lines end with CR, LF or both, a line
that begins with a colon is a comment, several data lines of an event are joined with LF, and an empty line ends an event. The
stream may be cut anywhere. Names and ids of events are skipped: the OpenAI interface does not use them.
"""

from __future__ import annotations

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# An event of one token has some hundred bytes. Longer ones would be joined ever again until the memory is full.
LONGEST_EVENT = 4 * 2**20


class EventTooLong(ValueError):
    """An event that does not end."""


class EventParser:
    """The events of one stream."""

    def __init__(self) -> None:
        self._rest = b""
        self._began = False
        self._after_cr = False
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that are complete with this piece of the stream.

        Raises:
            EventTooLong: an event does not end.
        """
        text = self._rest + piece
        if not self._began:
            if len(text) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(text):
                self._rest = text
                return []
            self._began = True
            text = text.removeprefix(BYTE_ORDER_MARK)
        return self._events_of(self._with_line_feeds(text) if self._after_cr or b"\r" in text else text)

    def _with_line_feeds(self, text: bytes) -> bytes:
        """Line ends as LF. An LF after a CR at the end of the piece before belongs to that CR."""
        if not text:
            return text
        if self._after_cr and text.startswith(b"\n"):
            text = text[1:]
        self._after_cr = text.endswith(b"\r")
        return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _events_of(self, text: bytes) -> list[bytes]:
        *lines, self._rest = text.split(b"\n")
        events = []
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                events.append(b"\n".join(self._data))
                self._data, self._size = [], 0
        if self._size + len(self._rest) > LONGEST_EVENT:
            raise EventTooLong(f"an event has more than {LONGEST_EVENT // 2**20} MiB")
        return events

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(line)

    def unfinished(self) -> bytes | None:
        """The data of an event that the end of the stream cut off, which is no event by the rules; None without one."""
        if self._rest:
            self._take(self._rest)
            self._rest = b""
        data, self._data = self._data, []
        return b"\n".join(data) if data else None
