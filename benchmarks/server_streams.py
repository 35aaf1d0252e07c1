"""How late the client of `backend: server` takes the time of a token, with 500 streams of 50 tokens/s on one core.

The server is scripted and has a core of its own. Each token has the time at which it was written. Tokens come staggered, which is
spread over time, or all at once every 20 ms, as a server with continuous batching sends them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.pairs import ROOT, Row, as_users_have_it
from benchmarks.peer_aiperf import lateness
from benchmarks.peers import AIOHTTP, AIPERF, HTTPX

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
        for name, measure in clients().items():
            for in_step in (False, True):
                found.setdefault((name, in_step), []).append(measured(measure, in_step))
    for (name, in_step), results in found.items():
        label = f"{STREAMS} streams, {'in step' if in_step else 'staggered'}: {name}"
        yield late_row(f"{label}: late at p99", [1000 * each["p99"] for each in results], name == "ours")
        if "cpu_share" in results[0]:
            yield share_row(f"{label}: CPU of a core", [100 * each["cpu_share"] for each in results])


def late_row(name: str, values: list[float], is_ours: bool) -> Row:
    """Milliseconds at the 99th percentile: the median of the rounds."""
    middle = statistics.median(values)
    target, kept = (f"<= {MOST_LATE_MS:g}", middle <= MOST_LATE_MS) if is_ours else ("peer", True)
    return Row(name, middle, min(values), max(values), "ms", target, kept)


def share_row(name: str, values: list[float]) -> Row:
    """The share of one core."""
    return Row(name, statistics.median(values), min(values), max(values), "%", "-", True)


Measure = Callable[[str], dict[str, float]]


def clients() -> dict[str, Measure]:
    """What reads the streams of a URL; the peers that can be installed here."""
    found: dict[str, Measure] = {"ours": partial(by_script, "ours", sys.executable)}
    for name, peer in (("aiohttp", AIOHTTP), ("httpx", HTTPX)):
        if (home := peer.installed()) is not None:
            found[peer.name] = partial(by_script, name, str(home / "python"))
    if (home := AIPERF.installed()) is not None:
        found[AIPERF.name] = partial(by_aiperf, home / "aiperf")
    return found


def measured(measure: Measure, in_step: bool) -> dict[str, float]:
    """One round: lateness in s at some quantiles."""
    arguments = dict(tokens=TOKENS, first_s=GAP_S, gap_s=GAP_S, stamped=True, in_step=in_step)
    with on_core(SERVER_CORE), server_process(**arguments) as server:
        result = measure(server.url)
    assert result["tokens"] == STREAMS * TOKENS, f"tokens were lost: {result}"
    return result


def by_script(name: str, interpreter: str, url: str) -> dict[str, float]:
    """A client of `stream_clients.py`."""
    script = str(Path(__file__).with_name("stream_clients.py"))
    command = [interpreter, script, name, url, str(STREAMS), str(CLIENT_CORE)]
    environ = {**as_users_have_it(os.environ), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def by_aiperf(program: Path, url: str) -> dict[str, float]:
    """The program aiperf, which starts its streams as fast as it can."""
    late = sorted(lateness(program, url, STREAMS, CLIENT_CORE))
    return {"tokens": len(late), "p99": late[int(0.99 * len(late))]}


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
