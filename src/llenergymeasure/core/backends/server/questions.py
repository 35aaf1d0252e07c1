"""Questions to a server outside the window: one connection per question, no redirections, no proxy."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from llenergymeasure._json import read_json
from llenergymeasure.core.backends.server.client.failures import message_of_body
from llenergymeasure.core.backends.server.client.target import secrets_in
from llenergymeasure.security import redact

MOST_BYTES, PIECE_BYTES = 64 * 2**20, 2**16
# Of a reply in a message, in bytes and in characters: a secret may reach beyond what is shown.
MOST_READ, MOST_SHOWN = 4000, 500
TIMEOUT_S = 10.0
# What a server may say while it starts: it is overloaded, or its model is not loaded yet.
NOT_YET = frozenset({429, 502, 503, 504})


class NoReplyError(Exception):
    """A server did not reply; the message says why."""


class TooSlowError(NoReplyError):
    """It did not reply in time."""


@dataclass(frozen=True)
class Reply:
    """The reply to one question.

    Attributes:
        status: its HTTP status.
        headers: its headers, with names in lower case.
        body: its content.
        secrets: values that `text` does not show.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def value(self) -> Any:
        """The content as JSON; None for an error, and for content that is not JSON."""
        if self.status != 200:
            return None
        try:
            return read_json(self.body)
        except ValueError:
            return None

    @property
    def text(self) -> str:
        """The begin of the content as text, of a page its text, on one line, without secrets."""
        shown = redact(message_of_body(self.body[:MOST_READ]), secrets=self.secrets)
        return " ".join(shown[:MOST_SHOWN].split())

    @property
    def shown(self) -> str:
        """The status, with the content as text if there is any."""
        return f"status {self.status}: {self.text}" if self.text else f"status {self.status}"


class Questions:
    """Asks one server.

    Attributes:
        url: its address, up to and including /v1.

    Args:
        url: as above.
        headers: headers of every question; they may hold a key.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url, parts = url, urlsplit(url)
        self._is_tls = parts.scheme == "https"
        self._place, self._root = parts.netloc, parts.path.removesuffix("/v1")
        self._headers = headers

    @property
    def has_key(self) -> bool:
        """Whether a key is sent with every question."""
        return bool(self._headers)

    def get(self, path: str, timeout_s: float = TIMEOUT_S) -> Reply:
        """The reply to GET for a path, such as /v1/models.

        Raises:
            NoReplyError: there is none.
        """
        return self._reply("GET", path, None, timeout_s)

    def post(self, path: str, content: Mapping[str, Any], timeout_s: float = TIMEOUT_S) -> Reply:
        """The reply to POST with JSON.

        Raises:
            NoReplyError: there is none.
        """
        return self._reply("POST", path, json.dumps(content).encode(), timeout_s)

    def known(self, path: str) -> Any:
        """The JSON at a path that not every server has; None without it."""
        try:
            return self.get(path).value
        except NoReplyError:
            return None

    def _reply(self, method: str, path: str, body: bytes | None, timeout_s: float) -> Reply:
        kind = HTTPSConnection if self._is_tls else HTTPConnection
        connection = kind(self._place, timeout=timeout_s)
        headers = {**self._headers, **({} if body is None else {"Content-Type": "application/json"})}
        try:
            connection.request(method, self._root + path, body, headers)
            reply = connection.getresponse()
            content = _content(reply, time.monotonic() + timeout_s)
        except TimeoutError as error:
            raise TooSlowError("timed out") from error
        except (OSError, HTTPException) as error:
            raise NoReplyError(getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
        except ValueError:  # its message has the header
            raise NoReplyError("the key has a character that HTTP does not allow") from None
        finally:
            connection.close()
        named = {name.lower(): value for name, value in reply.getheaders()}
        return Reply(reply.status, named, content, secrets_in(self._headers))


def _content(reply: HTTPResponse, end_s: float) -> bytes:
    """The body; the time-out of a connection is that of each piece, and a server can send pieces for ever."""
    content = b""
    while len(content) < MOST_BYTES and (piece := reply.read1(PIECE_BYTES)):
        content += piece
        if time.monotonic() > end_s:
            raise TooSlowError("its reply did not end in time")
    return content
