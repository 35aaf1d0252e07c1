"""Reads the bytes of an HTTP/1.1 response. The only module that imports httptools, the parser of Node.js."""

from __future__ import annotations

from typing import Protocol

import httptools


class MalformedHTTP(Exception):
    """Bytes that are not an HTTP response."""


class Receiver(Protocol):
    """What is called for the parts of a response, in this order."""

    def head(self, status: int, content_type: str, encoding: str) -> None:
        """The status line and the headers are there; not called for interim responses, such as 100."""

    def body(self, piece: bytes) -> None:
        """The next bytes of the body, without the framing of chunks."""

    def complete(self) -> None:
        """The body is complete."""


class ResponseReader:
    """One response.

    Attributes:
        is_complete: whether its end has been read.
        keeps_alive: whether the connection may be used again after it.
        ends_with_connection: whether its body ends where the connection does.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._parser = httptools.HttpResponseParser(self)
        self._content_type = self._encoding = ""
        self._interim = False
        self._has_length = False
        self.has_head = False
        self.is_complete = False
        self.keeps_alive = False

    @property
    def ends_with_connection(self) -> bool:
        """Neither a length nor chunks tell the end of the body."""
        return self.has_head and not self._has_length

    def feed(self, piece: bytes) -> None:
        """Read the next bytes.

        Raises:
            MalformedHTTP: they are not the continuation of a response.
        """
        if self.is_complete:
            self.keeps_alive = False
            return
        try:
            self._parser.feed_data(piece)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.is_complete:
                raise MalformedHTTP(str(error) or type(error).__name__) from error
            self.keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        name = name.lower()
        if name == b"content-type":
            self._content_type = value.decode("latin-1").partition(";")[0].strip().lower()
        elif name == b"content-encoding":
            self._encoding = value.decode("latin-1").strip().lower()
        elif name in (b"content-length", b"transfer-encoding"):
            self._has_length = True

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        status = self._parser.get_status_code()
        self._interim = 100 <= status < 200
        if self.is_complete:
            self.keeps_alive = False
        elif not self._interim:
            self.has_head = True
            self._receiver.head(status, self._content_type, self._encoding)

    def on_body(self, piece: bytes) -> None:
        """Called by the parser."""
        if not self.is_complete:
            self._receiver.body(piece)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._interim:
            self._content_type, self._encoding, self._has_length = "", "", False
        elif not self.is_complete:
            self.is_complete = True
            self.keeps_alive = self._parser.should_keep_alive()
            self._receiver.complete()

    def close(self) -> None:
        """Free the parser, which refers to this object. Nothing can be fed after this."""
        del self._parser, self._receiver
