"""Reads many streams at once with one client, and prints when each token was noticed against when it was sent.

python benchmarks/stream_clients.py CLIENT URL STREAMS CORE

Each client but `ours` is a bare loop over a library, as tools for load are built on it; it runs in an environment of its own. The
text of each event is the time at which it was written, on the clock that all processes share.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from itertools import chain

Late = list[float]
DATA = b"data: "


async def ours(url: str, streams: int) -> Late:
    """The client of `backend: server`."""
    from llenergymeasure.core.backends.server.client.asked import Answer, Asked
    from llenergymeasure.core.backends.server.client.client import Client
    from llenergymeasure.core.backends.server.client.target import Target

    client = Client(Target(url))

    async def one(index: int) -> Answer:
        return await client.ask(Asked(index, b"{}"), 0.0)

    answers = await staggered(one, streams)
    await client.close()
    assert all(answer.failure is None for answer in answers), [answer.failure for answer in answers if answer.failure][
        :3
    ]
    return [late for answer in answers for late in map(lateness, answer.event_times_s, answer.texts)]


async def with_aiohttp(url: str, streams: int) -> Late:
    """A loop over aiohttp."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def one(index: int) -> Late:
            async with session.post(f"{url}/completions", data=b"{}") as response:
                return [late async for line in response.content for late in late_of(line)]

        return list(chain.from_iterable(await staggered(one, streams)))


async def with_httpx(url: str, streams: int) -> Late:
    """A loop over httpx."""
    import httpx

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=600) as session:

        async def one(index: int) -> Late:
            async with session.stream("POST", f"{url}/completions", content=b"{}") as response:
                return [late async for line in response.aiter_lines() for late in late_of(line.encode())]

        return list(chain.from_iterable(await staggered(one, streams)))


def late_of(line: bytes) -> Late:
    """How late the token of a line is; empty for a line without one."""
    now_s = time.perf_counter()
    if not line.startswith(DATA) or line.startswith(b"data: [DONE]"):
        return []
    choices = json.loads(line[len(DATA) :])["choices"]
    return [lateness(now_s, choices[0]["text"])] if choices else []


def lateness(noticed_s: float, text: str) -> float:
    """Seconds from the writing of a token to the time that the client took."""
    return noticed_s - float(text)


async def staggered(one: Callable[[int], Awaitable], streams: int) -> list:
    """Start the streams one after the other within a second."""

    async def later(index: int):
        await asyncio.sleep(index / streams)
        return await one(index)

    return await asyncio.gather(*map(later, range(streams)))


CLIENTS = {"ours": ours, "aiohttp": with_aiohttp, "httpx": with_httpx}
LIBRARIES = {"ours": "llenergymeasure.core.backends.server.client.client", "aiohttp": "aiohttp", "httpx": "httpx"}


def main(client: str, url: str, streams: str, core: str) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})
    import_module(LIBRARIES[client])
    start_s, cpu_s = time.perf_counter(), time.process_time()
    late = sorted(asyncio.run(CLIENTS[client](url, int(streams))))
    share = (time.process_time() - cpu_s) / (time.perf_counter() - start_s)
    at = {name: late[min(len(late) - 1, int(len(late) * q))] for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}
    print(json.dumps({"tokens": len(late), "cpu_share": share, **at}))


if __name__ == "__main__":
    main(*sys.argv[1:])
