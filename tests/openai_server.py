"""A server of the OpenAI interface without a model, for tests that start one: `python openai_server.py --port 8000`.

It serves the model `nothing`, and answers each prompt with words at equal intervals.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "nothing"
FIRST_S, NEXT_S = 0.02, 0.005


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # it would hold the second event back until the first is acknowledged, up to 40 ms

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def do_GET(self) -> None:
        """The list of models; nothing else is there."""
        found = self.path == "/v1/models"
        content = {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "tests"}]}
        body = json.dumps(content if found else {"error": {"message": "not found"}}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """An answer, in events; after the last one that was set, the program ends as after a crash."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tokens = asked["max_tokens"]
        if self.server.is_overloaded_by(self.client_address):
            self.send_error(429, "too many requests")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self._stream(tokens)
        except OSError:  # the client has gone
            self.close_connection = True
        self.server.answered += 1
        if self.server.answered == self.server.answers:
            print("out of memory", flush=True)
            os._exit(3)

    def _stream(self, tokens: int) -> None:
        for number in range(1, tokens + 1):
            time.sleep(FIRST_S if number == 1 else NEXT_S)
            self._event(
                {"choices": [{"index": 0, "text": " word", "finish_reason": "length" if number == tokens else None}]}
            )
        self._event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": tokens}})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, content: dict[str, Any]) -> None:
        self._chunk(f"data: {json.dumps(content)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    """A thread per connection; they end with the program."""

    daemon_threads = True
    request_queue_size = 128
    answers: int | None = None
    most: int | None = None
    answered = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._clients: set[tuple[str, int]] = set()

    def is_overloaded_by(self, client: tuple[str, int]) -> bool:
        """Whether one more connection that sends requests is too many; from then on every request is refused."""
        self._clients.add(client)
        return self.most is not None and len(self._clients) > self.most

    def handle_error(self, *_: object) -> None:
        """Write nothing about clients that have gone."""


def main() -> None:
    """Serve until the program is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answers", type=int, help="after so many answers it ends with exit code 3")
    parser.add_argument(
        "--most", type=int, help="refuse every request once more than so many connections have sent one"
    )
    options = parser.parse_args()
    with Server(("127.0.0.1", options.port), Handler) as server:
        server.answers, server.most = options.answers, options.most
        server.serve_forever()


if __name__ == "__main__":
    main()
