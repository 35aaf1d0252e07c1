"""An HTTP server in a thread that answers each path with a fixed status and JSON."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Either what is answered, or a function of the JSON that was sent.
Answer = Any | Callable[[Any], Any]


class Canned:
    """What is answered, and what was asked.

    Attributes:
        answers: status and content by path; other paths get 404.
        asked: method, path, headers and content of each request.
    """

    def __init__(self, answers: Mapping[str, tuple[int, Any]], server: str = "canned") -> None:
        self.answers, self.server = dict(answers), server
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.url = ""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        content = json.loads(body) if body else None
        self.asked.append((method, path, headers, content))
        status, found = self.answers.get(path, (404, {"error": "no such path"}))
        if callable(found):
            found = found(content)
        return status, found if isinstance(found, bytes) else json.dumps(found).encode()


@contextmanager
def canned_server(answers: Mapping[str, tuple[int, Any]], server: str = "canned", port: int = 0) -> Iterator[Canned]:
    """Serve until the end of the block, at any free port or a given one; `url` of the yielded object ends with /v1."""
    canned = Canned(answers, server)

    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = server, ""

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, body = canned.answer(self.command, self.path, dict(self.headers), self.rfile.read(length))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815 - the names of http.server

        def log_message(self, *_arguments: object) -> None:
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as listening:
        canned.url = f"http://127.0.0.1:{listening.server_address[1]}/v1"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield canned
        finally:
            listening.shutdown()
            thread.join()
