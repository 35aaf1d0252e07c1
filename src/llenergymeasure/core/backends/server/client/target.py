"""Where requests go, and the bytes of a request."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from llenergymeasure._version import __version__
from llenergymeasure.config.backends.server import ServerAPI
from llenergymeasure.config.backends.server_checks import fits_in_header
from llenergymeasure.exceptions import BackendError

PATHS: Mapping[ServerAPI, str] = {"completions": "/completions", "chat": "/chat/completions"}
_PORTS = {"http": 80, "https": 443}
# These are made here; a second one would contradict them.
_OWN = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding"})


@dataclass(frozen=True)
class Target:
    """A server's interface.

    Attributes:
        url: up to and including /v1.
        api: which of its two interfaces.
        headers: further headers, such as the key; never shown.
        timeout_s: longest duration of a request, from sending to its last event.
    """

    url: str
    api: ServerAPI = "completions"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 600.0

    def __post_init__(self) -> None:
        for name, value in self.headers.items():
            if not fits_in_header(name) or not fits_in_header(value):
                raise BackendError(
                    f"the header {name!r} has a line break or another character that HTTP does not allow"
                )
        if self.host == "" or self.scheme not in _PORTS:
            raise BackendError("the address of the server is not an http or https URL")

    @property
    def scheme(self) -> str:
        """Either http or https."""
        return urlsplit(self.url).scheme.lower()

    @property
    def host(self) -> str:
        """Name or address of the machine, without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port, that of the scheme by default."""
        return urlsplit(self.url).port or _PORTS[self.scheme]

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """The context for https; None for http."""
        return ssl.create_default_context() if self.scheme == "https" else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that no message may hold."""
        return secrets_in(self.headers)

    @cached_property
    def _head(self) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        given = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        lines = {
            "Host": f"{host}:{self.port}",
            "Accept": "text/event-stream",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": f"llenergymeasure/{__version__}",
            **given,
        }
        path = urlsplit(self.url).path.rstrip("/") + PATHS[self.api]
        return "\r\n".join([f"POST {path} HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items())]).encode("latin-1")

    def request(self, body: bytes) -> bytes:
        """The bytes of a request with this body."""
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body)


def secrets_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Values of headers that no message may hold, with their last words, such as a key after `Bearer`."""
    return tuple({part for value in headers.values() for part in (value, value.split(" ")[-1]) if part})
