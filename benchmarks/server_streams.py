"""How late the client of `backend: server` takes the time of a token, with 500 streams of 50 tokens/s on one core.

The server is scripted and has a core of its own. Each token has the time at which it was written. Tokens come spread over time, or
all at once every 20 ms, as a server with continuous batching sends them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pairs import ROOT, Row, as_users_have_it
from benchmarks.peers import AIOHTTP, HTTPX

sys.path.append(str(ROOT / "tests"))
from scripted_server import server_process

STREAMS, TOKENS, GAP_S = 500, 200, 0.02
ROUNDS = 3
CLIENT_CORE, SERVER_CORE = 0, 1
MOST_LATE_MS = 10.0


def rows() -> Iterator[Row]:
    """One row per client and pattern, measured in turn."""
    found: dict[tuple[str, bool], list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for name, interpreter in interpreters().items():
            for in_step in (False, True):
                found.setdefault((name, in_step), []).append(measured(name, interpreter, in_step))
    for (name, in_step), results in found.items():
        pattern = "all at once" if in_step else "spread"
        label = f"{STREAMS} streams, tokens {pattern}: " + ("" if name == "ours" else f"a loop over {name}, ")
        yield late_row(f"{label}late at p99", [1000 * each["p99"] for each in results], name == "ours")
        yield share_row(f"{label}CPU of a core", [100 * each["cpu_share"] for each in results])


def late_row(name: str, values: list[float], is_ours: bool) -> Row:
    """Milliseconds at the 99th percentile: the median of the rounds."""
    middle = statistics.median(values)
    target, kept = (f"<= {MOST_LATE_MS:g}", middle <= MOST_LATE_MS) if is_ours else ("peer", True)
    return Row(name, middle, min(values), max(values), "ms", target, kept)


def share_row(name: str, values: list[float]) -> Row:
    """The share of one core."""
    return Row(name, statistics.median(values), min(values), max(values), "%", "-", True)


def interpreters() -> dict[str, str]:
    """The interpreter of each client that can be installed here."""
    homes = {"aiohttp": AIOHTTP.installed(), "httpx": HTTPX.installed()}
    return {"ours": sys.executable, **{name: str(home / "python") for name, home in homes.items() if home is not None}}


def measured(name: str, interpreter: str, in_step: bool) -> dict[str, float]:
    """One round: lateness in s and the share of a core."""
    with (
        on_core(SERVER_CORE),
        server_process(tokens=TOKENS, first_s=GAP_S, gap_s=GAP_S, stamped=True, in_step=in_step) as server,
    ):
        command = [
            interpreter,
            str(Path(__file__).with_name("stream_clients.py")),
            name,
            server.url,
            str(STREAMS),
            str(CLIENT_CORE),
        ]
        environ = {**as_users_have_it(os.environ), "PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    assert result["tokens"] == STREAMS * TOKENS, f"{name} lost tokens: {result}"
    return result


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Processes that are started in this block run on one core, where the system lets them."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} & before or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
