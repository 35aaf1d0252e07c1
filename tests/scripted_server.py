"""An HTTP server that answers by a script: which bytes at which time, and how it ends. Raw asyncio, so that it can misbehave.

```python
with scripted_server([answer(tokens=5, gap_s=0.01)]) as server:
    server.url       # http://127.0.0.1:PORT/v1
    server.received  # the requests so far, and when each piece of their answers was written
```
Times are in s on `time.perf_counter`, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

Ending = Literal["keep", "close", "reset", "hang"]
Data = bytes | Callable[[float], bytes]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True)
class Step:
    """One write: so long after the one before, or after the request. Data may be made from the time of the write."""

    after_s: float
    data: Data


@dataclass(frozen=True)
class Script:
    """One answer: its writes, and what happens to the connection after them.

    With a grid, writes are put off to its next multiple, at the same moments for all answers, as under continuous batching.
    """

    steps: tuple[Step, ...]
    ending: Ending = "keep"
    grid_s: float | None = None

    def ends(self, ending: Ending, after: int | None = None) -> Script:
        """The same, with another end after a number of writes."""
        return replace(self, steps=self.steps[:after], ending=ending)

    def with_step(self, index: int, step: Step) -> Script:
        """The same, with another step in this place."""
        return replace(self, steps=(*self.steps[:index], step, *self.steps[index + 1 :]))


@dataclass
class Received:
    """A request, and when the pieces of its answer were written."""

    number: int
    arrived_s: float
    path: str
    headers: Mapping[str, str]
    body: Any
    written_s: list[float] = field(default_factory=list)


def chunk(data: bytes) -> bytes:
    """A chunk of HTTP's chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(content: Any) -> bytes:
    """An event, in its chunk."""
    text = content if isinstance(content, str) else json.dumps(content)
    return chunk(f"data: {text}\n\n".encode())


def text_event(text: str, finish: str | None = None, chat: bool = False, **more: Any) -> bytes:
    """An event with text."""
    said = {"delta": {"content": text}} if chat else {"text": text}
    kind = "chat.completion.chunk" if chat else "text_completion"
    return event({"object": kind, "choices": [{"index": 0, **said, "finish_reason": finish}], **more})


def usage_of(output_tokens: int, input_tokens: int = 4, **more: Any) -> dict[str, Any]:
    """The counts of a server."""
    return {"prompt_tokens": input_tokens, "completion_tokens": output_tokens, **more}


def answer(
    tokens: int = 4,
    first_s: float = 0.0,
    gap_s: float = 0.0,
    tokens_per_event: int = 1,
    usage: bool = True,
    usage_each: bool = False,
    chat: bool = False,
    stamped: bool = False,
    done: bool = True,
    in_step: bool = False,
) -> Script:
    """A complete answer in chunks.

    Args:
        tokens: number of output tokens, a multiple of `tokens_per_event`.
        first_s: from the request to the first event.
        gap_s: between two events.
        tokens_per_event: how many tokens an event brings.
        usage: whether the last event reports the counts.
        usage_each: whether each event does.
        chat: whether it is an answer of the chat interface, which begins with an event that has only a role.
        stamped: whether the text of each event is the time at which it was written.
        done: whether it ends with `[DONE]`.
        in_step: whether all answers of a server are written at the same moments, `gap_s` apart.
    """
    steps = [Step(0.0, HEAD)]
    if chat:
        steps.append(Step(0.0, event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})))
    events = tokens // tokens_per_event
    for number in range(1, events + 1):
        more = {"usage": usage_of(number * tokens_per_event)} if usage_each else {}
        finish = "length" if number == events else None
        data = _stamped(finish, chat, more) if stamped else text_event(f" t{number}", finish, chat, **more)
        steps.append(Step(first_s if number == 1 else gap_s, data))
    if usage:
        steps.append(Step(0.0, event({"choices": [], "usage": usage_of(tokens)})))
    end = event("[DONE]") if done else b""
    return Script((*steps, Step(0.0, end + LAST_CHUNK)), grid_s=gap_s if in_step else None)


def _stamped(finish: str | None, chat: bool, more: Mapping[str, Any]) -> Callable[[float], bytes]:
    return lambda time_s: text_event(f" {time_s!r}", finish, chat, **more)


def error(status: int, message: str, reason: str = "Error") -> Script:
    """An answer that is an error."""
    body = json.dumps({"error": {"message": message, "code": status}}).encode()
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return Script((Step(0.0, head.encode() + body),))


class ScriptedServer:
    """The server, in an event loop.

    Args:
        scripts: the answers, one after the other and from the beginning again.
    """

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts = scripts
        self.received: list[Received] = []
        self.connections = 0
        self.port = 0
        self._transports: set[asyncio.Transport] = set()

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self, tls: ssl.SSLContext | None) -> asyncio.AbstractServer:
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self, loop), "127.0.0.1", 0, backlog=1024, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        return server

    @property
    def open_connections(self) -> int:
        """Number of connections that are open now."""
        return len(self._transports)

    def close_connections(self) -> None:
        """Close every connection at once."""
        for transport in tuple(self._transports):
            transport.abort()

    def script(self, number: int) -> Script:
        """The answer to a request."""
        return self._scripts[number % len(self._scripts)]

    def opened(self, transport: asyncio.Transport) -> None:
        """Count a connection."""
        self.connections += 1
        self._transports.add(transport)

    def closed(self, transport: asyncio.Transport) -> None:
        """A connection is gone."""
        self._transports.discard(transport)


def _on_grid(at_s: float, grid_s: float | None) -> float:
    return at_s if grid_s is None else math.ceil(at_s / grid_s - 1e-6) * grid_s


class _Connection(asyncio.Protocol):
    def __init__(self, server: ScriptedServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server, self._loop = server, loop
        self._unread = b""
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.opened(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.closed(self._transport)
        self._transport.abort()
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        arrived_s = time.perf_counter()
        self._unread += data
        if not self._unread[:1].isalpha():  # not HTTP, such as TLS
            self._transport.close()
            return
        head, separator, rest = self._unread.partition(b"\r\n\r\n")
        if not separator:
            return
        request, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(rest) < int(headers.get("content-length", 0)):
            return
        self._unread = b""
        body = json.loads(rest) if rest else None
        received = Received(len(self._server.received), arrived_s, request.split(" ")[1], headers, body)
        self._server.received.append(received)
        self._play(received, self._server.script(received.number), 0, self._loop.time())

    def _play(self, received: Received, script: Script, index: int, at_s: float, waited: bool = False) -> None:
        """Write the steps that are due; times add up, so that delays of this server do not."""
        while index < len(script.steps):
            step = script.steps[index]
            if not waited:
                at_s = _on_grid(at_s + step.after_s, script.grid_s if step.after_s else None)
                if step.after_s and at_s > self._loop.time():
                    self._timer = self._loop.call_at(at_s, self._play, received, script, index, at_s, True)
                    return
            waited = False
            self._write(received, step.data)
            index += 1
        self._end(script.ending)

    def _write(self, received: Received, data: Data) -> None:
        now_s = time.perf_counter()
        received.written_s.append(now_s)
        self._transport.write(data if isinstance(data, bytes) else data(now_s))

    def _end(self, ending: Ending) -> None:
        if ending == "close":
            self._transport.close()
        elif ending == "reset":
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()


@contextmanager
def scripted_server(scripts: Sequence[Script], tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """A server in a thread of this process, until the end of the block; with a context, over TLS."""
    server, ready, loop = ScriptedServer(scripts), threading.Event(), asyncio.new_event_loop()
    thread = threading.Thread(target=_serve, args=(server, ready, loop, tls), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _serve(
    server: ScriptedServer, ready: threading.Event, loop: asyncio.AbstractEventLoop, tls: ssl.SSLContext | None
) -> None:
    asyncio.set_event_loop(loop)
    listening = loop.run_until_complete(server.start(tls))
    ready.set()
    loop.run_forever()
    for each in listening.sockets:
        loop.remove_reader(each.fileno())  # a server that is closed while it accepts a connection forgets it
    loop.run_until_complete(_all_closed(server))
    listening.close()
    loop.close()


async def _all_closed(server: ScriptedServer) -> None:
    """Close every connection, also one that is just being accepted and has not called `opened` yet."""
    tried, quiet = 0, 0
    while quiet < 10:  # steps of the loop: an accepted connection is made, read, closed and lost in one each
        accepting = asyncio.all_tasks() - {asyncio.current_task()}
        tried, quiet = tried + 1, 0 if accepting or server.open_connections else quiet + 1
        if tried > 1000:  # such as one that waits for the client's part of TLS
            for task in accepting:
                task.cancel()
        server.close_connections()
        await asyncio.sleep(0)


@dataclass
class ServerProcess:
    """A server in a process of its own, for exact times. `written_s` is known after the block."""

    url: str
    written_s: list[list[float]] = field(default_factory=list)
    arrived_s: list[float] = field(default_factory=list)
    cpu_s: float = 0.0


@contextmanager
def server_process(**answer_arguments: Any) -> Iterator[ServerProcess]:
    """Answers each request with `answer(**answer_arguments)`; the program ends when its standard input does."""
    command = [sys.executable, __file__, json.dumps(answer_arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        server = ServerProcess(child.stdout.readline().strip())
        try:
            yield server
        finally:
            child.stdin.close()
            report = json.loads(child.stdout.read() or "{}")
            server.written_s = report.get("written_s", [])
            server.arrived_s = report.get("arrived_s", [])
            server.cpu_s = report.get("cpu_s", 0.0)


def main() -> None:
    """Serve until the end of standard input, then report the times."""
    with scripted_server([answer(**json.loads(sys.argv[1]))]) as server:
        print(server.url, flush=True)
        sys.stdin.read()
    stamps = {
        "written_s": [each.written_s for each in server.received],
        "arrived_s": [each.arrived_s for each in server.received],
    }
    print(json.dumps({**stamps, "cpu_s": time.process_time()}))


if __name__ == "__main__":
    main()
